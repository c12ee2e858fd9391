import type { Completable, CompletableOption, Values } from './completable.ts';

/** Rules for fish 3 and later. */
export function fishScript({ commands, options }: Completable): string {
  const names = commands.map(({ name }) => name).join(' ');
  const isFirst = `not __fish_seen_subcommand_from ${names}`;
  return `# decpool for fish; made by: decpool completion fish
# What may come next in a list that is separated by commas.
function __decpool_list
  set -l before (commandline -ct | string replace -r '^--[^=]*=' '' | string replace -r '[^,]*$' '')
  for word in $argv
    echo "$before$word"
  end
end

complete -c decpool -f
${options.map((option) => rule(option, isFirst)).join('\n')}
${commands.map(({ name, text }) => `complete -c decpool -n '${isFirst}' -a ${name} -d ${quoted(text)}`).join('\n')}
${commands
  .flatMap((command) => {
    const seen = `__fish_seen_subcommand_from ${command.name}`;
    return [
      ...command.options.map((option) => rule(option, seen)),
      // It does not count arguments: all of them are offered.
      ...command.arguments.map((values) =>
        `complete -c decpool -n '${seen}' ${valueFlags(values)}`.trimEnd(),
      ),
    ];
  })
  .join('\n')}
`;
}

function rule({ names, text, values, isOptional }: CompletableOption, condition: string): string {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  return [
    'complete -c decpool',
    `-n '${condition}'`,
    ...flags,
    ...(values === undefined ? [] : [...(isOptional ? [] : ['-r']), valueFlags(values)]),
    `-d ${quoted(text)}`,
  ].join(' ');
}

function valueFlags({ words, isFile, isList }: Values): string {
  const file = isFile ? '-F' : '-f';
  if (words.length === 0) return file;
  return `${file} -a '${isList ? `(__decpool_list ${words.join(' ')})` : words.join(' ')}'`;
}

const quoted = (text: string): string => `'${text.replace(/['\\]/g, '\\$&')}'`;
