import { type Command, Option } from 'commander';
import type { OutputForm } from '../../fix/outputs/output.ts';
import type { Context, GlobalOptions } from '../context.ts';

/** Options of `fix` as they were given. */
export interface FixCommandOptions extends GlobalOptions {
  readonly output?: string;
  readonly force?: boolean;
  readonly inPlace?: boolean;
  readonly mapLocation?: string;
  readonly stripModule?: boolean;
  readonly stripPrefix?: readonly string[];
  readonly addPrefix?: string;
  readonly stripWrappers?: boolean;
  readonly rename?: readonly string[];
  readonly extract?: string;
  readonly keep?: readonly string[];
  readonly drop?: readonly string[];
  readonly weights?: boolean;
  readonly compact?: boolean;
  readonly untie?: boolean;
  readonly dtype?: string;
  readonly dtypeInclude?: readonly string[];
  readonly dtypeExclude?: readonly string[];
  readonly allowOverflow?: boolean;
  readonly safe?: boolean;
  readonly targetTorch?: string;
  readonly to?: OutputForm;
  readonly shardSize?: string;
  readonly salvage?: boolean;
  readonly auto?: boolean;
  readonly dryRun?: boolean;
  readonly verify: 'quick' | 'full';
  readonly format: 'text' | 'json';
  readonly allSubjects?: boolean;
}

export function define(command: Command, context: Context): void {
  const repeat = (value: string, before: readonly string[] = []) => [...before, value];
  command
    .argument('<file>', 'checkpoint file; it is only changed with --in-place')
    .option(
      '-o, --output <file>',
      'where to write (default: <name>.fixed<ext> beside the input, <name>.safetensors for safetensors)',
    )
    .option('--force', 'replace an existing output')
    .addOption(
      new Option('--in-place', 'append to the file itself; ckpt-doctor undo gives it back').conflicts([
        'output',
        'force',
      ]),
    )
    .option('--map-location <spec>', 'as in torch.load: cpu, or a map like cuda:0=cpu,cuda:1=cuda:0')
    .option('--strip-module', "take 'module.' off the start of keys (DataParallel, DDP)")
    .option('--strip-prefix <prefix>', 'take any prefix off the start of keys (repeatable)', repeat)
    .option('--add-prefix <prefix>', 'put a prefix before the keys of model state_dicts')
    .option(
      '--strip-wrappers',
      'take the names of all known wrappers out of keys (DDP, torch.compile, FSDP …)',
    )
    .option('--rename <regex=replacement>', 'rename keys, each match; $1 is a group (repeatable)', repeat)
    .option('--extract <path>', 'make the value there the whole checkpoint: state_dict, ema …')
    .option('--weights', 'only the state_dict, wherever it is: no optimizer, no scheduler, no code')
    .option('--keep <glob>', 'keep only tensors of such names (repeatable)', repeat)
    .option('--drop <glob>', 'drop tensors of such names (repeatable)', repeat)
    .option('--compact', 'leave out of storages what no tensor uses')
    .option('--untie', 'give each tensor a storage of its own')
    .option('--dtype <dtype>', 'cast floating-point tensors: float32, float16 or bfloat16')
    .option('--dtype-include <glob>', 'cast only tensors of such names (repeatable)', repeat)
    .option('--dtype-exclude <glob>', 'cast no tensors of such names (repeatable)', repeat)
    .option('--allow-overflow', 'cast although finite values become infinite')
    .option('--safe', 'put plain values in the place of what weights_only refuses')
    .option('--target-torch <version>', 'keep the output loadable by that release of torch')
    .addOption(
      new Option(
        '--to <form>',
        'what to write: torch (the default), safetensors, or the form of torch before 1.6',
      )
        .choices(['torch', 'safetensors', 'torch-legacy'])
        .conflicts('inPlace'),
    )
    .addOption(
      new Option(
        '--shard-size <bytes>',
        'several files of at most so many bytes (5GB) and their index, as transformers has them',
      ).conflicts('inPlace'),
    )
    .addOption(
      new Option('--salvage', 'of a damaged file write what is whole, and list what is lost').conflicts(
        'inPlace',
      ),
    )
    .option('--auto', 'every step that the findings name')
    .option('--dry-run', 'print the plan, write nothing')
    .addOption(
      new Option('--verify <level>', 'after writing: structure and sizes, or every byte')
        .choices(['quick', 'full'])
        .default('quick'),
    )
    .addOption(new Option('--format <format>', 'what to print').choices(['text', 'json']).default('text'))
    .option('--all-subjects', 'every tensor that a finding is about (json)')
    .action(async (file: string) => {
      const { fixFile } = await import('../fix-file.ts');
      await fixFile(file, command.optsWithGlobals<FixCommandOptions>(), context);
    });
}
