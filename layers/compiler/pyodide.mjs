// Runs a Python program on CPython as WebAssembly, with folders of this machine mounted:
// node pyodide.mjs '{"pyodide": <folder>, "program": <file>, "mounts": {<folder inside>: <folder>}, "arguments": [...]}'
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const { pyodide, program, mounts, arguments: given } = JSON.parse(process.argv[2]);
const { loadPyodide } = await import(pathToFileURL(join(pyodide, "pyodide.mjs")));
const python = await loadPyodide({ args: [program, ...given] });
for (const [inside, root] of Object.entries(mounts)) {
  python.FS.mkdirTree(inside);
  python.FS.mount(python.FS.filesystems.NODEFS, { root }, inside);
}
try {
  python.runPython(readFileSync(program, "utf8"), {
    filename: program,
    globals: python.toPy({ __name__: "__main__", __file__: program }),
  });
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
