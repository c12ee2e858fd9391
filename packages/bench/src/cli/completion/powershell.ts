import type { Completable, CompletableOption, Values } from './completable.ts';

/** For Windows PowerShell 5 and later. Where it finds nothing, PowerShell itself offers files. */
export function powershellScript({ commands, options }: Completable): string {
  return `# decpool for PowerShell; made by: decpool completion powershell
Register-ArgumentCompleter -Native -CommandName decpool -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $commands = [ordered]@{
${commands.map(({ name, text }) => `    ${quoted(name)} = ${quoted(text)}`).join('\n')}
  }
  $options = @{
    '' = ${table(options)}
${commands.map((command) => `    ${quoted(command.name)} = ${table(command.options)}`).join('\n')}
  }
  $arguments = @{
${commands
  .filter((command) => command.arguments.some(({ words }) => words.length > 0))
  .map((command) => `    ${quoted(command.name)} = @(${command.arguments.map(list).join(', ')})`)
  .join('\n')}
  }

  $typed = @($commandAst.CommandElements | Select-Object -Skip 1 |
    Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.Extent.Text })
  $command = ''
  $expects = ''
  $at = 0
  foreach ($word in $typed) {
    if ($word.StartsWith('-')) {
      $expects = ''
      $known = $options[$command][$word]
      if ($null -ne $known -and $known.Takes) { $expects = $word }
    }
    elseif ($expects -ne '') { $expects = '' }
    elseif ($command -eq '') { if ($commands.Contains($word)) { $command = $word } }
    else { $at++ }
  }

  $found = @()
  if ($expects -ne '' -and -not $wordToComplete.StartsWith('-')) { $found = @($options[$command][$expects].Values | ForEach-Object { , @($_, $_) }) }
  elseif ($wordToComplete.StartsWith('-')) {
    $found = @($options[$command].GetEnumerator() | Sort-Object Key | ForEach-Object { , @($_.Key, $_.Value.Text) })
  }
  elseif ($command -eq '') { $found = @($commands.GetEnumerator() | ForEach-Object { , @($_.Key, $_.Value) }) }
  elseif ($arguments.ContainsKey($command) -and $at -lt $arguments[$command].Count) {
    $found = @($arguments[$command][$at] | ForEach-Object { , @($_, $_) })
  }
  $found | Where-Object { $_[0] -and $_[0].StartsWith($wordToComplete) } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_[0], $_[0], 'ParameterValue', $_[1])
  }
}
`;
}

/** Options by name, each with its text, whether it takes a value, and which. */
const table = (options: readonly CompletableOption[]): string =>
  `@{ ${options
    .flatMap(({ names, text, values }) =>
      names.map(
        (name) =>
          `${quoted(name)} = @{ Text = ${quoted(text)}; Takes = $${values !== undefined}; Values = ${values === undefined ? '@()' : list(values)} }`,
      ),
    )
    .join('; ')} }`;

/** A comma keeps an array of one array from becoming that. */
const list = ({ words }: Values): string => `@(${words.map(quoted).join(', ')})`;

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
