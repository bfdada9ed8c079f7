import { join } from 'node:path';
import ts from 'typescript';

/**
 * The shape of a value on the wire: a word for one that is whole, alternatives, a list's element, or fields
 * by name.
 */
export type Shape =
  | string
  | { either: Shape[] }
  | { list: Shape }
  | { row: Shape[] }
  | { [field: string]: Shape };

const protocol = join(import.meta.dirname, '../../../src/protocol');

/**
 * Reads the types of the protocol as the compiler sees them, so that no message and no field can be left out
 * of the golden files.
 */
export class WireShapes {
  readonly #program: ts.Program;
  readonly #checker: ts.TypeChecker;

  constructor(files: readonly string[]) {
    const options: ts.CompilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      types: [],
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget.ES2023,
    };
    this.#program = ts.createProgram(
      files.map((file) => join(protocol, file)),
      options,
    );
    this.#checker = this.#program.getTypeChecker();
  }

  /** The shapes of all types that a file exports, by name. */
  of(file: string): Record<string, Shape> {
    const source = this.#program.getSourceFile(join(protocol, file));
    const module = source && this.#checker.getSymbolAtLocation(source);
    if (!module) throw new Error(`${file} exports nothing`);
    const types = this.#checker
      .getExportsOfModule(module)
      .filter(({ flags }) => flags & (ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias));
    return Object.fromEntries(
      types.map((symbol) => [symbol.name, this.#shape(this.#checker.getDeclaredTypeOfSymbol(symbol), [])]),
    );
  }

  #shape(type: ts.Type, within: readonly ts.Type[]): Shape {
    if (type.isUnion()) return this.#union(type, within);
    if (!(type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection)))
      return this.#checker.typeToString(type);
    if (within.includes(type)) return `again ${type.symbol.name}`;
    const inside = [...within, type];
    if (this.#checker.isTupleType(type))
      return {
        row: this.#checker.getTypeArguments(type as ts.TypeReference).map((one) => this.#shape(one, inside)),
      };
    if (this.#checker.isArrayType(type)) {
      const [element] = this.#checker.getTypeArguments(type as ts.TypeReference);
      return { list: element ? this.#shape(element, inside) : 'nothing' };
    }
    const index = this.#checker.getIndexInfoOfType(type, ts.IndexKind.String);
    if (index) return { 'any name': this.#shape(index.type, inside) };
    const fields = this.#checker.getPropertiesOfType(type).map((field): [string, Shape] => {
      const optional = field.flags & ts.SymbolFlags.Optional ? '?' : '';
      return [`${field.name}${optional}`, this.#shape(this.#checker.getTypeOfSymbol(field), inside)];
    });
    return Object.fromEntries(fields.sort(([one], [other]) => (one < other ? -1 : 1)));
  }

  #union(type: ts.UnionType, within: readonly ts.Type[]): Shape {
    const isFlag = (one: ts.Type): boolean => (one.flags & ts.TypeFlags.BooleanLiteral) !== 0;
    const parts = type.types.filter((one) => !(one.flags & ts.TypeFlags.Undefined));
    const shapes = parts.filter((one) => !isFlag(one)).map((one) => this.#shape(one, within));
    if (parts.some(isFlag)) shapes.push('boolean');
    const sorted = shapes.map((shape) => JSON.stringify(shape)).sort();
    const [first, ...more] = sorted.map((text): Shape => JSON.parse(text));
    return first !== undefined && more.length === 0
      ? first
      : { either: first === undefined ? [] : [first, ...more] };
  }
}
