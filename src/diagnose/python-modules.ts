/** Top-level modules of the standard library that a pickle may name, of Python 2 as of 3: no repository has to be cloned for them. */
const STANDARD: ReadonlySet<string> = new Set(
  `__builtin__ __future__ _codecs _collections _functools _io _operator _pickle _queue _random _thread _weakref
  abc argparse array ast asyncio atexit base64 bdb binascii bisect builtins bz2 cPickle cProfile cStringIO calendar cmath cmd code
  codecs codeop collections colorsys commands concurrent configparser contextlib contextvars copy copy_reg copyreg csv ctypes
  dataclasses datetime dbm decimal difflib dis distutils doctest email encodings ensurepip enum errno exceptions faulthandler
  filecmp fileinput fnmatch fractions ftplib functools gc getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac html
  http idlelib imaplib imp importlib inspect io ipaddress itertools json keyword lib2to3 linecache locale logging lzma mailbox
  marshal math mimetypes mmap modulefinder multiprocessing netrc nt ntpath numbers opcode operator optparse os pathlib pdb pickle
  pickletools pipes pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile pydoc queue quopri
  random re reprlib resource runpy sched secrets select selectors shelve shlex shutil signal site smtplib socket socketserver
  sqlite3 ssl stat statistics string struct subprocess symtable sys sysconfig tarfile telnetlib tempfile textwrap this threading
  time timeit tkinter token tokenize trace traceback types typing unicodedata unittest urllib urllib2 uuid venv warnings wave
  weakref webbrowser winreg wsgiref xml xmlrpc zipfile zipimport zlib zoneinfo`.split(/\s+/),
);

/** Whether Python itself has the module. */
export function isStandardModule(module: string): boolean {
  return STANDARD.has(module.split('.', 1)[0] as string);
}
