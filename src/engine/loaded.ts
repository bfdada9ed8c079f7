import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file that user code has loaded, with what it was then. */
export interface LoadedFile {
  path: string;
  hash: string;
}

const importCalls = /\bimport\s*\(\s*['"]([^'"\n]+)['"]/g;
/** Static imports and re-exports of files beside a file. */
const fileImports = /(?:\bfrom|\bimport)\s*\(?\s*['"](\.{1,2}\/[^'"\n]+|\/[^'"\n]+)['"]/g;
const extensions = ['', '.js', '.mjs', '.cjs', '.json'];

/**
 * Knows which files user code has loaded, so that it can be said when one of them has changed since. Modules
 * are found from what stands in code: Node has no list of those that `import` has loaded. Packages do not
 * count, and neither do computed names.
 */
export class LoadedFiles {
  readonly #known = new Set<string>();
  readonly #cache = createRequire(join(process.cwd(), 'engine')).cache;
  #pending: LoadedFile[] = [];
  #required = false;

  /** Looks at code that is about to run. */
  scan(code: string, fileName?: string): void {
    if (fileName?.startsWith('/')) this.add(fileName);
    this.#required ||= code.includes('require');
    if (!code.includes('import')) return;
    const base = fileName?.startsWith('/') ? dirname(fileName) : process.cwd();
    for (const [, specifier = ''] of code.matchAll(importCalls)) this.#addImport(specifier, base);
  }

  /** A module file was loaded, and what it imports from beside it. */
  add(path: string): void {
    if (this.#known.has(path) || path.includes('/node_modules/')) return;
    this.#known.add(path);
    let text: Buffer;
    try {
      text = readFileSync(path);
    } catch {
      // The code that asked for it hears of that itself.
      return;
    }
    this.#pending.push({ path, hash: createHash('sha256').update(text).digest('hex') });
    for (const [, specifier = ''] of text.toString('utf8').matchAll(fileImports))
      this.#addImport(specifier, dirname(path));
  }

  /** Files that have come since it was asked last. */
  news(): LoadedFile[] {
    if (this.#required) {
      this.#required = false;
      for (const path of Object.keys(this.#cache)) this.add(path);
    }
    const news = this.#pending;
    if (news.length > 0) this.#pending = [];
    return news;
  }

  #addImport(specifier: string, base: string): void {
    if (specifier.startsWith('file:')) return this.add(fileURLToPath(specifier));
    if (!/^\.{0,2}\//.test(specifier)) return;
    const path = resolve(base, specifier);
    const found = extensions.map((extension) => path + extension).find(isFile);
    if (found) this.add(found);
  }
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
