/** What a decpool.config.ts may say. examples/decpool.config.ts has every setting beside its default. */
import type { COMMANDS } from './commands/all.ts';
import type { SettingsOf } from './declaration.ts';

type Groups = typeof COMMANDS;
type AllCommands = Groups['Compare and report'] & Groups['Event logs'] & Groups['Reference'];

/** By command, each setting by the option's long name in camelCase. */
export type DecpoolConfig = { readonly [Name in keyof AllCommands]?: SettingsOf<AllCommands[Name]> };

/** Only says what type its argument has, for an editor to help with. */
export const defineConfig = (config: DecpoolConfig): DecpoolConfig => config;
