import { Command, type Option } from 'commander';
import { RULES } from '../diagnose/rules/index.ts';
import { SHELLS, type Shell } from './commands/completion.ts';
import type { Context } from './context.ts';
import { COMMANDS, GLOBAL_OPTIONS } from './program.ts';

/** A command as shells need to know it. */
interface Completed {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly CompletedOption[];
  /** What stands for its arguments; empty where those are files. */
  readonly words: readonly string[];
}

interface CompletedOption {
  readonly flags: readonly string[];
  readonly description: string;
  /** It is followed by a value: one of these, or, where there are none, a file or what the reader knows. */
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

/** Prints the script that a shell reads; it is made of the commands as they are. */
export async function printCompletion(shell: Shell, context: Context): Promise<void> {
  const commands = await Promise.all(
    COMMANDS.map(async ({ name, summary, load }): Promise<Completed> => {
      const command = new Command(name);
      (await load()).define(command, context);
      for (const [flags, description] of GLOBAL_OPTIONS) command.option(flags, description);
      command.option('-h, --help', 'print this help');
      return { name, summary, options: command.options.map(optionOf), words: wordsFor(name) };
    }),
  );
  const script = { bash: bashScript, zsh: zshScript, fish: fishScript }[shell];
  await context.stdout.write(script(commands));
}

function wordsFor(command: string): readonly string[] {
  if (command === 'explain') return RULES.map(({ id }) => id);
  return command === 'completion' ? SHELLS : [];
}

function optionOf({ short, long, description, argChoices, required, optional }: Option): CompletedOption {
  return {
    flags: [short, long].filter((flag) => flag !== undefined),
    description,
    takesValue: required || optional,
    choices: argChoices ?? [],
  };
}

function bashScript(commands: readonly Completed[]): string {
  const values = commands.flatMap(({ name, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .map(({ flags, choices }) => {
        const reply =
          choices.length > 0 ? `COMPREPLY=($(compgen -W '${choices.join(' ')}' -- "$current"))` : ':';
        return `    ${flags.map((flag) => `'${name} ${flag}'`).join(' | ')}) ${reply}; return ;;`;
      }),
  );
  const flags = commands.map(
    ({ name, options }) => `    ${name}) words='${options.flatMap((option) => option.flags).join(' ')}' ;;`,
  );
  const others = commands
    .filter(({ words }) => words.length > 0)
    .map(({ name, words }) => `    ${name}) words='${words.join(' ')}' ;;`);
  return `# bash completion of ckpt-doctor: eval "$(ckpt-doctor completion bash)"
_ckpt_doctor() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} command='' words='' word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
    if [[ $word != -* ]]; then command=$word; break; fi
  done
  COMPREPLY=()
  if [[ -z $command ]]; then
    COMPREPLY=($(compgen -W '${commands.map(({ name }) => name).join(' ')}' -- "$current"))
    return
  fi
  case "$command $before" in
${values.join('\n')}
  esac
  if [[ $current == -* ]]; then case $command in
${flags.join('\n')}
  esac; else case $command in
${others.join('\n')}
  esac; fi
  if [[ -n $words ]]; then COMPREPLY=($(compgen -W "$words" -- "$current")); fi
}
complete -o default -F _ckpt_doctor ckpt-doctor
`;
}

function zshScript(commands: readonly Completed[]): string {
  const cases = commands.map(({ name, options, words }) => {
    const specs = options.map((option) => `        ${zshOption(option)}`);
    const rest = words.length > 0 ? `*: :(${words.join(' ')})` : '*: :_files';
    return `      ${name})\n      _arguments \\\n${[...specs, `        '${rest}'`].join(' \\\n')}\n      ;;`;
  });
  return `#compdef ckpt-doctor
# zsh completion of ckpt-doctor: eval "$(ckpt-doctor completion zsh)"
_ckpt_doctor() {
  local line state
  _arguments -C '1: :->command' '*:: :->rest'
  case $state in
    command)
      local -a commands
      commands=(
${commands.map(({ name, summary }) => `        ${quoted(`${name}:${summary}`)}`).join('\n')}
      )
      _describe command commands
      ;;
    rest)
      case $line[1] in
${cases.join('\n')}
      esac
      ;;
  esac
}
if [ "$funcstack[1]" = "_ckpt_doctor" ]; then _ckpt_doctor "$@"; else compdef _ckpt_doctor ckpt-doctor; fi
`;
}

/** Each flag may stand several times: many of ours do. */
function zshOption({ flags, description, takesValue, choices }: CompletedOption): string {
  const told = `[${description.replace(/[[\]\\:]/g, '\\$&')}]`;
  const value = !takesValue ? '' : choices.length > 0 ? `: :(${choices.join(' ')})` : ': :_files';
  return flags.map((flag) => quoted(`*${flag}${told}${value}`)).join(' ');
}

function fishScript(commands: readonly Completed[]): string {
  const lines = ['# fish completion of ckpt-doctor: ckpt-doctor completion fish | source'];
  for (const { name, summary, options, words } of commands) {
    const here = `-n '__fish_seen_subcommand_from ${name}'`;
    lines.push(`complete -c ckpt-doctor -n __fish_use_subcommand -f -a ${name} -d ${fishQuoted(summary)}`);
    if (words.length > 0) lines.push(`complete -c ckpt-doctor ${here} -f -a '${words.join(' ')}'`);
    for (const { flags, description, takesValue, choices } of options) {
      const names = flags.map((flag) =>
        flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
      );
      const value = !takesValue ? '' : choices.length > 0 ? ` -x -a '${choices.join(' ')}'` : ' -r';
      lines.push(`complete -c ckpt-doctor ${here} ${names.join(' ')} -d ${fishQuoted(description)}${value}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** A word in single quotes for bash and zsh. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function fishQuoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
