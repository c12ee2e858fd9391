import { argument, command } from '../declaration.ts';

export const initPolicy = command({
  name: 'init-policy',
  summary: 'write the first lines of a policy of your own',
  description:
    'Writes a policy that works, to change it, and a tsconfig.json beside it, so that an editor knows the types. Does not overwrite either.',
  arguments: { file: argument('<file>', 'the TypeScript file to write', { isFile: true }) },
  examples: ['decpool init-policy my-policy.ts'],
  seeAlso: 'decpool check-policy; docs/own-policy.md',
  async run({ file }, { output }) {
    const { startPolicy } = await import('../../policies/starter.ts');
    const { shellWord } = await import('../../report/page/escape.ts');
    const { written, kept, types } = await startPolicy(file);
    const path = shellWord(/[\\/]/.test(file) ? file : `./${file}`);
    output.write(`written  ${written.join(', ')}\n`);
    if (kept !== undefined) output.write(`kept     ${kept}\n`);
    if (types !== undefined) {
      output.write(`types    ${types}; or install them: npm install -D @decpool/model @decpool/pool\n`);
    }
    output.write(`try      decpool compare --workload netvsc --policy linux-7.3,${path}\n`);
    output.write(`         decpool check-policy ${path}\n`);
  },
});
