import type { Completable, CompletableCommand, CompletableOption, Values } from './completable.ts';

/** A function of zsh's completion system, to be autoloaded as _decpool or sourced behind compinit. */
export function zshScript({ commands, options, lists }: Completable): string {
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
${[...lists].map(([name, words]) => `  local -a ${name}=(${words.join(' ')})`).join('\n')}
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

function action({ list, isFile, isList }: Values): string {
  if (list === undefined) return isFile ? '_files' : ' ';
  // A space ahead: _arguments adds options of its own otherwise.
  if (isList) return ` _decpool_list ${isFile ? 'files' : 'words'} ${list}`;
  return isFile ? `{compadd -a ${list}; _files}` : `{compadd -a ${list}}`;
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
