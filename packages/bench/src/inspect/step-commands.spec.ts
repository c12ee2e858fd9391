import { TYPE } from '@decpool/model';
import { expect, it } from 'vitest';
import { COMMAND_HELP, parseCommand } from './step-commands.ts';

it.each([
  ['n', { kind: 'move', by: 1 }],
  [' b 20 ', { kind: 'move', by: -20 }],
  ['g 1200', { kind: 'go', to: 1200 }],
  ['t 1.5s', { kind: 'time', ns: 1_500_000_000 }],
  ['t 3 ms', { kind: 'time', ns: 3_000_000 }],
  ['/net vsc', { kind: 'find', wanted: { kind: 'owner', text: 'net vsc' }, isBack: false }],
  ['\\ring', { kind: 'find', wanted: { kind: 'owner', text: 'ring' }, isBack: true }],
  ['f owner eth0 ring', { kind: 'find', wanted: { kind: 'owner', text: 'eth0 ring' }, isBack: false }],
  [
    'f type pages-claimed',
    { kind: 'find', wanted: { kind: 'type', type: TYPE.pagesClaimed }, isBack: false },
  ],
  ['F block 7', { kind: 'find', wanted: { kind: 'block', block: 7 }, isBack: true }],
  ['f allocation 7', { kind: 'find', wanted: { kind: 'allocation', allocation: 7 }, isBack: false }],
  ['f failure', { kind: 'find', wanted: { kind: 'failure' }, isBack: false }],
  ['e', { kind: 'find', wanted: { kind: 'failure' }, isBack: false }],
  ['S', { kind: 'find', wanted: { kind: 'split' }, isBack: true }],
  ['r', { kind: 'again', isBack: false }],
  ['p 100', { kind: 'play', perSecond: 100, events: 100 }],
  ['p 100 5', { kind: 'play', perSecond: 100, events: 5 }],
  ['?', { kind: 'help' }],
  ['q', { kind: 'quit' }],
])('reads %j', (line, command) => {
  expect(parseCommand(line)).toEqual(command);
});

it.each([
  ['jump', /unknown command 'jump'; \? lists the commands/],
  ['constructor', /unknown command 'constructor'/],
  ['g', /expected g POSITION, as in g 1200/],
  ['g -1', /expected g POSITION/],
  ['g 1 2', /expected g POSITION/],
  ['n x', /expected n \[COUNT\], as in n 100/],
  ['t soon', /time 'soon': expected one as in 1\.5s/],
  ['/', /expected a part of the name of an owner, as in \/netvsc/],
  ['f', /expected f type NAME, f block NUMBER/],
  ['f type split', /unknown event type 'split'/],
  ['f failure 3', /'f failure': expected nothing after it/],
  ['p', /expected p RATE \[COUNT\]/],
  ['p 0', /expected 1 to 1000000 events a second/],
  ['q now', /'q': expected nothing after it/],
])('refuses %j, and says what would be right', (line, message) => {
  expect(() => parseCommand(line)).toThrow(message);
});

it('helps with every command, on 100 columns', () => {
  const lines = COMMAND_HELP.split('\n');
  for (const key of 'nbgtfFeEsSrRp?q/') expect(COMMAND_HELP).toContain(key);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
});
