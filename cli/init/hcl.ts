/** What a folder's terraform files say of it, as far as a first config needs it. Read by shape, not as a language. */
export interface ModuleFiles {
  /** A backend, or a provider of its own: somebody runs it by itself. */
  readonly hasBackend: boolean;
  readonly hasProvider: boolean;
  /** The backend runs plans elsewhere (`cloud`, `remote`): such a module cannot be checked yet. */
  readonly isRemote: boolean;
  /** Folders that it uses as modules, as written: `../modules/network`. */
  readonly localModules: readonly string[];
}

/** @param texts contents of the `*.tf` files of one folder */
export function readModule(texts: readonly string[]): ModuleFiles {
  const text = texts.map(withoutComments).join('\n');
  const isRemote = /^\s*(?:cloud\s*\{|backend\s+"remote")/m.test(text);
  return {
    hasBackend: isRemote || /^\s*backend\s+"/m.test(text),
    hasProvider: /^\s*provider\s+"/m.test(text),
    isRemote,
    localModules: [...text.matchAll(/^\s*source\s*=\s*"(\.{1,2}\/[^"]*|\.{1,2})"/gm)].map(([, path = '']) => path),
  };
}

/** Comments to the end of a line count only where a line starts with them: a `#` may stand in a text. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*(?:#|\/\/).*$/gm, '');
}
