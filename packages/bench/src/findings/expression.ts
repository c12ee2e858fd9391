/**
 * The figures of a page, as its author writes them: `median('host-calls' of 'decpool', memory == 'fresh')`. An expression is
 * about one run, or about many of them through a function such as median(), which takes every run for which its second argument holds.
 * A run that a policy does not serve has no value and is left out.
 */
import { InputError } from '@decpool/model';
import jsep from 'jsep';
import { knownMetric, type MetricId } from '../metrics/metric.ts';
import { formatRange, formatValue, type Unit } from '../text/units.ts';
import {
  among,
  dominatorsOf,
  figureOf,
  type Grid,
  type GridRun,
  type GridScenario,
  leastIdleOf,
  seedsOf,
  servedValueOf,
  serves,
} from './grid.ts';
import { lossTable, policyTable } from './tables.ts';
import {
  CONFIDENCE,
  type Interval,
  medianInterval,
  medianOf,
  SIGNIFICANCE,
  verdictOf,
} from './uncertainty.ts';

/** Binds tighter than a product. */
jsep.addBinaryOp('of', 11);

type Value = number | string | boolean | Interval | Formatted;

/** A value with its unit. */
interface Formatted {
  readonly text: string;
}

/** Names that the page has given to expressions. */
export type Definitions = ReadonlyMap<string, jsep.Expression>;

/** Throws InputError for what is no expression. */
export function parseExpression(text: string): jsep.Expression {
  try {
    return jsep(text);
  } catch (error) {
    throw new InputError(`'${text}': ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The text of a figure. Throws InputError if the expression is wrong, or no run has a value. */
export function figureText(expression: jsep.Expression, grid: Grid, definitions: Definitions): string {
  const value = new Evaluation(grid, definitions).of(expression);
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') throw new InputError('a condition is no figure; use runs() or scenarios()');
  if (typeof value === 'object' && 'text' in value) return value.text;
  return formatted(value, 'count').text;
}

function formatted(value: Value, unit: Unit, factor = 1): Formatted {
  if (typeof value === 'number') {
    if (Number.isNaN(value)) throw new InputError('no run has a value');
    return { text: formatValue(value * factor, unit) };
  }
  if (typeof value === 'object' && 'low' in value) {
    if (Number.isNaN(value.low)) throw new InputError('no run has a value');
    return { text: formatRange(value.low * factor, value.high * factor, unit) };
  }
  throw new InputError('expected a number');
}

const TRUE = parseExpression('true');

class Evaluation {
  readonly #grid: Grid;
  readonly #definitions: Definitions;
  /** That the expression is about; undefined outside of a function over runs. */
  #run: GridRun | undefined;

  constructor(grid: Grid, definitions: Definitions) {
    this.#grid = grid;
    this.#definitions = definitions;
  }

  of(expression: jsep.Expression): Value {
    const node = expression as jsep.CoreExpression;
    switch (node.type) {
      case 'Literal':
        if (typeof node.value === 'object') break;
        return node.value;
      case 'Identifier':
        return this.#named(node.name);
      case 'UnaryExpression':
        if (node.operator === '!') return !this.#condition(node.argument);
        if (node.operator === '-') return -this.#number(node.argument);
        break;
      case 'BinaryExpression':
        return this.#binary(node.operator, node.left, node.right);
      case 'CallExpression':
        if (node.callee.type === 'Identifier')
          return this.#call(String((node.callee as jsep.Identifier).name), node.arguments);
        break;
    }
    throw new InputError(`${node.type} has no meaning in a figure`);
  }

  #named(name: string): Value {
    const { policies, memories, machines, seeds } = this.#grid;
    switch (name) {
      case 'input':
      case 'memory':
      case 'platform':
        return this.#current(name).scenario[name];
      case 'bound': {
        const { scenario, seed } = this.#current(name);
        return scenario.beyondSlots[seed].blocksPeak;
      }
      case 'policies':
        return policies.length;
      case 'memories':
        return memories.length;
      case 'machines':
        return machines.length;
      case 'seeds':
        return seeds;
      case 'confidence':
        return CONFIDENCE;
      case 'significance':
        return SIGNIFICANCE;
    }
    const definition = this.#definitions.get(name);
    if (definition === undefined) throw new InputError(`unknown name ${name}`);
    return this.of(definition);
  }

  #binary(operator: string, left: jsep.Expression, right: jsep.Expression): Value {
    switch (operator) {
      case 'of':
        return servedValueOf(this.#current('of'), this.#policy(right), this.#metric(left));
      case '&&':
        return this.#condition(left) && this.#condition(right);
      case '||':
        return this.#condition(left) || this.#condition(right);
      case '==':
        return this.of(left) === this.of(right);
      case '!=':
        return this.of(left) !== this.of(right);
    }
    const [a, b] = [this.#number(left), this.#number(right)];
    switch (operator) {
      case '+':
        return a + b;
      case '-':
        return a - b;
      case '*':
        return a * b;
      case '/':
        return a / b;
      case '<':
        return a < b;
      case '<=':
        return a <= b;
      case '>':
        return a > b;
      case '>=':
        return a >= b;
    }
    throw new InputError(`unknown operator ${operator}`);
  }

  #call(name: string, given: readonly jsep.Expression[]): Value {
    const [first = TRUE, second = TRUE, third = TRUE] = given;
    switch (name) {
      // Of all runs, as a table.
      case 'table':
        return this.#table(given);
      case 'losses':
        return lossTable(this.#grid, this.#policies(given));
      // Of the current run.
      case 'serves':
        return serves(this.#current(name), this.#policy(first));
      case 'any':
        return figureOf(this.#current(name), this.#policy(second), this.#metric(first));
      case 'undominated':
        return (
          serves(this.#current(name), this.#policy(first)) &&
          dominatorsOf(this.#current(name), this.#policy(first)).length === 0
        );
      case 'dominated': {
        const others = dominatorsOf(this.#current(name), this.#policy(first));
        return others.includes(this.#policy(second));
      }
      case 'leastIdle':
        return leastIdleOf(this.#current(name), this.#number(first));
      case 'has':
        return this.#text(first).includes(this.#text(second));
      // Over runs.
      case 'median':
        return medianOf(this.#values(first, second));
      case 'interval':
        return medianInterval(
          this.#grid.machines.map(({ scenarios }) =>
            scenarios.map((scenario) => seedsOf(scenario).map((run) => this.#valueIn(run, first, second))),
          ),
        );
      case 'least':
        return Math.min(...this.#values(first, second));
      case 'most':
        return Math.max(...this.#values(first, second));
      case 'sum':
        return this.#values(first, second).reduce((all, value) => all + value, 0);
      case 'runs':
        return this.#grid.runs.filter((run) => this.#holds(run, first)).length;
      case 'scenarios':
        return this.#grid.scenarios.filter((scenario) => {
          const meant = seedsOf(scenario).filter((run) => this.#holds(run, second));
          return meant.length > 0 && meant.every((run) => this.#holds(run, first));
        }).length;
      case 'clear':
        return this.#grid.scenarios.filter((scenario) => {
          const all = seedsOf(scenario);
          const side = (wanted: jsep.Expression) => all.map((run) => this.#valueIn(run, wanted, third));
          return verdictOf(side(first), side(second)) === 'clearly less';
        }).length;
      // How it is written.
      case 'bytes':
        return formatted(this.of(first), 'bytes');
      case 'ratio':
        return formatted(this.of(first), 'ratio');
      case 'percent':
        return formatted(this.of(first), 'percent', 100);
    }
    throw new InputError(`unknown function ${name}()`);
  }

  /** A row for each policy; a condition behind them says which scenarios are meant: those in which it holds under every seed. */
  #table(given: readonly jsep.Expression[]): string {
    const last = given.at(-1);
    const hasCondition = last !== undefined && !this.#isText(last);
    if (!hasCondition) return policyTable(this.#grid, this.#policies(given));
    const isMeant = (scenario: GridScenario) => seedsOf(scenario).every((run) => this.#holds(run, last));
    return policyTable(among(this.#grid, isMeant), this.#policies(given.slice(0, -1)));
  }

  /** Whether it is a text whatever the run. */
  #isText(expression: jsep.Expression): boolean {
    const node = expression as jsep.CoreExpression;
    if (node.type === 'Literal') return typeof node.value === 'string';
    const named = node.type === 'Identifier' ? this.#definitions.get(node.name) : undefined;
    return named !== undefined && this.#isText(named);
  }

  #values(wanted: jsep.Expression, where: jsep.Expression): number[] {
    return this.#grid.runs
      .map((run) => this.#valueIn(run, wanted, where))
      .filter((value) => !Number.isNaN(value));
  }

  #valueIn(run: GridRun, wanted: jsep.Expression, where: jsep.Expression): number {
    return this.#holds(run, where) ? this.#in(run, () => this.#number(wanted)) : Number.NaN;
  }

  #holds = (run: GridRun, condition: jsep.Expression): boolean =>
    this.#in(run, () => this.#condition(condition));

  #in<Result>(run: GridRun, evaluate: () => Result): Result {
    if (this.#run !== undefined) throw new InputError('a function over runs cannot be inside of another');
    this.#run = run;
    try {
      return evaluate();
    } finally {
      this.#run = undefined;
    }
  }

  #current(name: string): GridRun {
    if (this.#run !== undefined) return this.#run;
    throw new InputError(`${name} is about one run; take many with median(), runs() or scenarios()`);
  }

  #number(expression: jsep.Expression): number {
    const value = this.of(expression);
    if (typeof value === 'number') return value;
    throw new InputError(`expected a number, not ${JSON.stringify(value)}`);
  }

  #condition(expression: jsep.Expression): boolean {
    const value = this.of(expression);
    if (typeof value === 'boolean') return value;
    throw new InputError(`expected a condition, not ${JSON.stringify(value)}`);
  }

  #text(expression: jsep.Expression): string {
    const value = this.of(expression);
    if (typeof value === 'string') return value;
    throw new InputError(`expected a text, not ${JSON.stringify(value)}`);
  }

  #metric(expression: jsep.Expression): MetricId {
    return knownMetric(this.#text(expression), 'a figure');
  }

  #policies(expressions: readonly jsep.Expression[]): string[] {
    return expressions.map((expression) => this.#policy(expression));
  }

  #policy(expression: jsep.Expression): string {
    const name = this.#text(expression);
    if (this.#grid.policies.includes(name)) return name;
    throw new InputError(`the sweep has no policy '${name}'`);
  }
}
