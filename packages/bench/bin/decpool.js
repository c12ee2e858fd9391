#!/usr/bin/env node
// The command runs from its TypeScript sources: nothing has to be built, and neither do policies given as files.
import { register } from 'tsx/esm/api';

register();
await import('../src/cli/main.ts');
