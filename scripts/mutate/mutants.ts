/**
 * Mutants of a source file: small changes of meaning, each of which some spec should find. All of a file's mutants are put into one
 * text, each behind a switch, so that the file is compiled and loaded once: `a < b` becomes `(__mutant(7) ? (a <= b) : (a < b))`.
 */
import ts from 'typescript';

export interface Mutant {
  readonly id: number;
  /** From the top folder of the project. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly from: string;
  readonly to: string;
  /** The line that it begins in, without indentation. */
  readonly text: string;
}

export interface Mutated {
  readonly mutants: readonly Mutant[];
  /** The file with all of them. */
  readonly code: string;
}

/** `firstId`: id of the first mutant. */
export function mutate(file: string, source: string, firstId = 0): Mutated {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  const lines = source.split('\n');
  const mutants: Mutant[] = [];

  function switched(node: ts.Node, original: string): string {
    let code = original;
    for (const to of changesOf(node, source).toReversed()) {
      const line = tree.getLineAndCharacterOfPosition(node.getStart()).line;
      const id = firstId + mutants.length;
      mutants.push({
        id,
        file,
        line: line + 1,
        from: oneLine(node.getText()),
        to: oneLine(to),
        text: lines[line].trim(),
      });
      code = `(__mutant(${id}) ? (${to}) : (${code}))`;
    }
    return code;
  }

  function render(node: ts.Node): string {
    if (isWithoutCode(node)) return node.getText();
    const method = otherMethod(node);
    if (method !== undefined) return method;
    let code = '';
    let at = node.getStart();
    ts.forEachChild(node, (child) => {
      code += source.slice(at, child.getStart()) + render(child);
      at = child.end;
    });
    return switched(node, code + source.slice(at, node.end));
  }

  /** `x.some(f)` as `x[__mutant(7) ? 'every' : 'some'](f)`: what is called keeps its `this` and its `?.`. */
  function otherMethod(node: ts.Node): string | undefined {
    if (!ts.isPropertyAccessExpression(node) || !ts.isCallExpression(node.parent)) return undefined;
    if (node.parent.expression !== node) return undefined;
    const { text } = node.name;
    const to = Object.hasOwn(METHODS, text) ? METHODS[text] : undefined;
    if (to === undefined) return undefined;
    const object = render(node.expression);
    const line = tree.getLineAndCharacterOfPosition(node.name.getStart()).line;
    const id = firstId + mutants.length;
    mutants.push({ id, file, line: line + 1, from: `.${text}()`, to: `.${to}()`, text: lines[line].trim() });
    const dot = node.questionDotToken === undefined ? '' : '?.';
    return `${object}${dot}[__mutant(${id}) ? '${to}' : '${text}']`;
  }

  let code = 'const __mutant: (id: number) => boolean = (globalThis as any).__mutation.on; ';
  let at = 0;
  ts.forEachChild(tree, (child) => {
    code += source.slice(at, child.getStart()) + render(child);
    at = child.end;
  });
  return { mutants, code: code + source.slice(at) };
}

const oneLine = (text: string): string => {
  const line = text.replace(/\s+/g, ' ');
  return line.length > 100 ? `${line.slice(0, 97)}...` : line;
};

const METHODS: Readonly<Record<string, string>> = {
  min: 'max',
  max: 'min',
  floor: 'ceil',
  ceil: 'floor',
  some: 'every',
  every: 'some',
  findLast: 'find',
  startsWith: 'endsWith',
  endsWith: 'startsWith',
};

/** Types, imports and names of members hold nothing that runs. */
const isWithoutCode = (node: ts.Node): boolean =>
  ts.isTypeNode(node) ||
  ts.isInterfaceDeclaration(node) ||
  ts.isTypeAliasDeclaration(node) ||
  ts.isImportDeclaration(node) ||
  ts.isExportDeclaration(node) ||
  ts.isTypeParameterDeclaration(node) ||
  (ts.isPropertyName(node) && 'name' in node.parent && node.parent.name === node);

/** What the text of a node is changed to, each a mutant. */
function changesOf(node: ts.Node, source: string): string[] {
  const changes: string[] = [];
  if (ts.isBinaryExpression(node)) changes.push(...otherOperators(node, source));
  if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) {
    changes.push(...otherUnary(node));
  }
  if (ts.isNumericLiteral(node) && !isPartOfNegative(node)) changes.push(`${node.text} + 1`);
  if (ts.isBigIntLiteral(node)) changes.push(`${node.text} + 1n`);
  if (node.kind === ts.SyntaxKind.TrueKeyword) changes.push('false');
  if (node.kind === ts.SyntaxKind.FalseKeyword) changes.push('true');
  if (isCondition(node)) changes.push('true', 'false');
  if (isRepeatCondition(node)) changes.push('false');
  if (isStep(node)) changes.push('undefined');
  if (isPredicateOfFilter(node)) changes.push('() => true');
  return changes;
}

const OPERATORS: Partial<Record<ts.SyntaxKind, readonly string[]>> = {
  [ts.SyntaxKind.LessThanToken]: ['<='],
  [ts.SyntaxKind.LessThanEqualsToken]: ['<'],
  [ts.SyntaxKind.GreaterThanToken]: ['>='],
  [ts.SyntaxKind.GreaterThanEqualsToken]: ['>'],
  [ts.SyntaxKind.EqualsEqualsEqualsToken]: ['!=='],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken]: ['==='],
  [ts.SyntaxKind.AmpersandAmpersandToken]: ['||'],
  [ts.SyntaxKind.BarBarToken]: ['&&'],
  [ts.SyntaxKind.QuestionQuestionToken]: ['&&'],
  [ts.SyntaxKind.PlusToken]: ['-'],
  [ts.SyntaxKind.MinusToken]: ['+'],
  [ts.SyntaxKind.AsteriskToken]: ['/'],
  [ts.SyntaxKind.SlashToken]: ['*'],
  [ts.SyntaxKind.PercentToken]: ['*'],
  [ts.SyntaxKind.AmpersandToken]: ['|'],
  [ts.SyntaxKind.BarToken]: ['&'],
  [ts.SyntaxKind.CaretToken]: ['&'],
  [ts.SyntaxKind.LessThanLessThanToken]: ['>>'],
  [ts.SyntaxKind.GreaterThanGreaterThanToken]: ['<<'],
  [ts.SyntaxKind.GreaterThanGreaterThanGreaterThanToken]: ['<<'],
  [ts.SyntaxKind.PlusEqualsToken]: ['-='],
  [ts.SyntaxKind.MinusEqualsToken]: ['+='],
  [ts.SyntaxKind.BarEqualsToken]: ['&='],
  [ts.SyntaxKind.AmpersandEqualsToken]: ['|='],
  [ts.SyntaxKind.CaretEqualsToken]: ['&='],
};

function otherOperators({ left, operatorToken, right }: ts.BinaryExpression, source: string): string[] {
  // Text is joined by `+`, too.
  const isOfText = [left, right].some(
    (side) => ts.isStringLiteralLike(side) || ts.isTemplateExpression(side),
  );
  if (isOfText && /^(\+|\+=)$/.test(operatorToken.getText())) return [];
  const start = source.slice(left.getStart(), operatorToken.getStart());
  // `a ?? b && c` is no expression.
  const isChain = ts.isBinaryExpression(left) && left.operatorToken.kind === operatorToken.kind;
  const before =
    isChain && operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken ? `(${start.trimEnd()}) ` : start;
  const after = source.slice(operatorToken.end, right.end);
  return (OPERATORS[operatorToken.kind] ?? []).map((operator) => `${before}${operator}${after}`);
}

function otherUnary(node: ts.PrefixUnaryExpression | ts.PostfixUnaryExpression): string[] {
  const operand = node.operand.getText();
  switch (node.operator) {
    case ts.SyntaxKind.PlusPlusToken:
      return [ts.isPrefixUnaryExpression(node) ? `--${operand}` : `${operand}--`];
    case ts.SyntaxKind.MinusMinusToken:
      return [ts.isPrefixUnaryExpression(node) ? `++${operand}` : `${operand}++`];
    case ts.SyntaxKind.ExclamationToken:
    case ts.SyntaxKind.MinusToken:
    case ts.SyntaxKind.TildeToken:
      return [operand];
    default:
      return [];
  }
}

const isPartOfNegative = ({ parent }: ts.Node): boolean => ts.isPrefixUnaryExpression(parent);

/** Of an `if` or a `?:`. */
const isCondition = (node: ts.Node): boolean =>
  (ts.isIfStatement(node.parent) && node.parent.expression === node) ||
  (ts.isConditionalExpression(node.parent) && node.parent.condition === node);

/** Of a loop; always true, it would not end. */
const isRepeatCondition = (node: ts.Node): boolean =>
  (ts.isWhileStatement(node.parent) && node.parent.expression === node) ||
  (ts.isForStatement(node.parent) && node.parent.condition === node);

/** A call or an assignment that stands as a statement. */
function isStep(node: ts.Node): boolean {
  if (!ts.isExpressionStatement(node.parent)) return false;
  if (ts.isCallExpression(node)) return node.expression.kind !== ts.SyntaxKind.SuperKeyword;
  if (ts.isBinaryExpression(node)) return true;
  return [
    ts.isAwaitExpression,
    ts.isYieldExpression,
    ts.isPostfixUnaryExpression,
    ts.isPrefixUnaryExpression,
  ].some((is) => is(node));
}

const isPredicateOfFilter = (node: ts.Node): boolean =>
  ts.isCallExpression(node.parent) &&
  ts.isPropertyAccessExpression(node.parent.expression) &&
  node.parent.expression.name.text === 'filter' &&
  node.parent.arguments[0] === node;
