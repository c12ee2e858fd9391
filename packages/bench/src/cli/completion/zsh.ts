import type { Completable, CompletableCommand, CompletableOption, Values } from './completable.ts';

/** A function of zsh's completion system, to be autoloaded as _decpool or sourced behind compinit. */
export function zshScript({ commands, options }: Completable): string {
  const global = options.flatMap(optionSpecs);
  return `#compdef decpool
# decpool for zsh; made by: decpool completion zsh
# Several values, separated by commas; $1: whether files may be among them.
_decpool_list() {
  local files=$1
  shift
  compset -P '*,'
  compadd -S '' -a - "$@"
  [[ $files == files ]] && _files -S ''
}

_decpool() {
  local context state line
  typeset -A opt_args
  local -a commands=(
${commands.map(({ name, text }) => `    ${quoted(`${name}:${text.replaceAll(':', '\\:')}`)}`).join('\n')}
  )
${wordArrays(commands)}
  _arguments -C \\
${global.map((spec) => `    ${spec} \\`).join('\n')}
    '1:command:->command' '*::argument:->argument' && return
  case $state in
    command) _describe -t commands command commands ;;
    argument)
      case $words[1] in
${commands.map((command) => commandCase(command)).join('\n')}
      esac ;;
  esac
}

if [[ $funcstack[1] == _decpool ]]; then _decpool "$@"; else compdef _decpool decpool; fi
`;
}

function commandCase(command: CompletableCommand): string {
  const positions = command.arguments.map((values, index) => {
    const isRest = command.isVariadic && index === command.arguments.length - 1;
    return quoted(`${isRest ? '*' : index + 1}:${values.name}:${action(values)}`);
  });
  const specs = [...command.options.flatMap(optionSpecs), ...positions];
  return `        ${command.name}) _arguments \\\n${specs.map((spec) => `          ${spec}`).join(' \\\n')} ;;`;
}

/** As _arguments takes them. */
const optionSpecs = ({ names, text, values, isOptional }: CompletableOption): string[] =>
  names.map((name) => {
    const takes = values === undefined ? '' : isOptional ? '=-' : name.startsWith('--') ? '=' : '+';
    const value = values === undefined ? '' : `${isOptional ? '::' : ':'}${values.name}:${action(values)}`;
    return quoted(`${name}${takes}[${text.replace(/[[\]:\\]/g, '\\$&')}]${value}`);
  });

function action({ words, isFile, isList }: Values): string {
  if (words.length === 0) return isFile ? '_files' : ' ';
  const name = arrayName(words);
  // A space ahead: _arguments adds options of its own otherwise.
  if (isList) return ` _decpool_list ${isFile ? 'files' : 'words'} ${name}`;
  return isFile ? `{compadd -a ${name}; _files}` : `{compadd -a ${name}}`;
}

/** Long lists stand in the script once: by what distinguishes them. */
const arrayName = (words: readonly string[]): string =>
  `words_${words.length}_${`${words[0]}${words.at(-1)}`.replace(/\W/g, '_')}`;

function wordArrays(commands: readonly CompletableCommand[]): string {
  const arrays = new Map<string, readonly string[]>();
  for (const command of commands) {
    const all = [...command.arguments, ...command.options.flatMap(({ values }) => values ?? [])];
    for (const { words } of all) if (words.length > 0) arrays.set(arrayName(words), words);
  }
  return [...arrays].map(([name, words]) => `  local -a ${name}=(${words.join(' ')})`).join('\n');
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
