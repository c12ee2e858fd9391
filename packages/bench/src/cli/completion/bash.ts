import type { Completable, Values } from './completable.ts';

/**
 * For bash 3.2 and later, with or without bash-completion. Everything is in the script: a key press starts no program, and nothing
 * that was typed is evaluated.
 */
export function bashScript({ commands, options, lists }: Completable): string {
  const taking = [{ name: '', options }, ...commands].flatMap((command) =>
    command.options.flatMap(({ names, values }) =>
      values === undefined ? [] : names.map((option) => [`${command.name} ${option}`, values] as const),
    ),
  );
  const positions = commands.flatMap((command) =>
    command.arguments.map((values, index) => {
      const isRest = command.isVariadic && index === command.arguments.length - 1;
      return [`${command.name} ${isRest ? '*' : index}`, values] as const;
    }),
  );
  const optionNames = [{ name: '', options }, ...commands].map(
    (command) =>
      `      '${command.name}') values='${command.options.map(({ names: [name] }) => name).join(' ')}' ;;`,
  );
  return `# decpool for bash; made by: decpool completion bash
_decpool() {
  local typed=\${COMP_LINE:0:COMP_POINT} word cur command='' expects='' at=0 i
  local values='' files='' list='' head='' IFS=$' \\t\\n'
  local -a words
${[...lists].map(([name, words]) => `  local ${name}='${words.join(' ')}'`).join('\n')}
  # As typed: COMP_WORDS is cut at = and : as well.
  read -ra words <<<"$typed"
  case "$typed" in *[[:space:]]) words+=('') ;; esac
  cur=\${words[\${#words[@]} - 1]}
  for ((i = 1; i < \${#words[@]} - 1; i++)); do
    word=\${words[i]}
    # No value begins with a dash: behind --map may come an option.
    if [[ $word == -* ]]; then
      expects=''
      case "$command $word" in
        ${taking.map(([key]) => pattern(key)).join(' | ')}) expects=$word ;;
      esac
    elif [[ -n $expects ]]; then expects=''
    elif [[ -z $command ]]; then command=$word
    else at=$((at + 1)); fi
  done
  if [[ -z $expects && $cur == --*=* ]]; then
    expects=\${cur%%=*}
    case "$COMP_WORDBREAKS" in *=*) ;; *) head=$expects= ;; esac
    cur=\${cur#*=}
  fi

  if [[ -n $expects && $cur != -* ]]; then
    case "$command $expects" in
${cases(taking)}
    esac
  elif [[ $cur == -* ]]; then
    case "$command" in
${optionNames.join('\n')}
    esac
  elif [[ -z $command ]]; then
    values='${commands.map(({ name }) => name).join(' ')}'
  else
    case "$command $at" in
${cases(positions)}
    esac
  fi

  if [[ -n $list && $cur == *,* ]]; then
    head=$head\${cur%,*},
    cur=\${cur##*,}
  fi
  IFS=$'\\n'
  COMPREPLY=($(IFS=$' \\t\\n'; compgen -W "$values" -- "$cur"))
  if [[ -n $files ]]; then
    COMPREPLY+=($(compgen -f -- "$cur"))
    compopt -o filenames 2>/dev/null
  fi
  [[ -n $list ]] && compopt -o nospace 2>/dev/null
  COMPREPLY=("\${COMPREPLY[@]/#/$head}")
}
complete -F _decpool decpool
`;
}

/** Its spaces are part of it, and a star stands for anything. */
const pattern = (key: string): string => `'${key.replace(/\*$/, "'*'")}'`.replace(/''$/, '');

/** The cases of a `case`: what is completed in the same way shares one. */
function cases(wanted: readonly (readonly [key: string, values: Values])[]): string {
  const patterns = new Map<string, string[]>();
  for (const [key, { list, isFile, isList }] of wanted) {
    const settings = [
      ...(list === undefined ? [] : [`values=$${list}`]),
      ...(isFile ? ['files=1'] : []),
      ...(isList ? ['list=1'] : []),
    ].join(' ');
    if (settings !== '') patterns.set(settings, [...(patterns.get(settings) ?? []), pattern(key)]);
  }
  return [...patterns].map(([settings, alike]) => `      ${alike.join(' | ')}) ${settings} ;;`).join('\n');
}
