// The digests as they are published: node-forge's own code, as ES modules on our buffer (src/crypto/forge-buffer.ts). Its
// util.js, with what it pulls in, weighs more than all digests together; and SHA-256's table of constants, which every page
// and Worker would load, is computed. Words of SHA-256 and SHA-512 lie in typed arrays. `npm run build` writes them over
// what tsc made; whoever bundles from the sources, to measure them, takes the plugin. Both are the same text.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin } from 'esbuild'

export const digestNames: readonly string[] = ['sha1', 'sha256', 'sha512']

/** The second half of `npm run build`: replaces the digests in `dist`, or in the folder given. */
export function main([folder = 'dist']: readonly string[]): number {
  for (const name of digestNames) {
    const file = join(folder, 'crypto', `forge-${name}.js`)
    if (!existsSync(file)) throw new Error(`${file} is not built`)
    writeFileSync(file, publishedDigest(name))
    // It described what tsc made.
    rmSync(`${file}.map`, { force: true })
  }
  return 0
}

/** Loads the digests as they are published, when sources are bundled. */
export const publishedDigests: Plugin = {
  name: 'published-digests',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/]crypto[\\/]forge-sha\d+\.ts$/ }, ({ path }) => ({
      contents: publishedDigest(/sha\d+/.exec(path)![0]),
      loader: 'ts',
    }))
  },
}

/** One digest, as an ES module beside forge-buffer.js. */
export function publishedDigest(name: string): string {
  const original = readFileSync(join('node_modules/node-forge/lib', `${name}.js`), 'utf8')
  const { version } = JSON.parse(readFileSync('node_modules/node-forge/package.json', 'utf8')) as {
    readonly version: string
  }
  const own = ['createBuffer', 'fillString', ...(name === 'sha256' ? ['cubeRootWords'] : [])].join(', ')
  let changed = original
    .replace(
      /^var forge = require\('\.\/forge'\);\nrequire\('\.\/md'\);\nrequire\('\.\/util'\);$/m,
      `import { ${own} } from './forge-buffer.js';\nvar forge = { util: { createBuffer, fillString } };`,
    )
    .replace(` = module.exports = forge.${name} = `, ` = forge.${name} = `)
    // Nobody looks a digest up by its name.
    .replace(/^forge\.md(\.\w+|\['[\w/]+'\]) = forge\.md\.algorithms\1 =\s+[\w.]+;\n/gm, '')
    // Text is never hashed, and what would encode it is not there.
    .replace(/^ {4}if\(encoding === 'utf8'\) \{\n.*encodeUtf8.*\n {4}\}\n/m, '')
  const otherwise = `${name}.js of node-forge ${version} is not written as its publication expects`
  for (const { times, of, by } of typedWords[name] ?? []) {
    if (changed.match(of)?.length !== times) throw new Error(`${otherwise}: ${of}`)
    changed = changed.replace(of, by)
  }
  if (/\b(require|module|exports|encodeUtf8|forge\.md)\b/.test(changed)) throw new Error(otherwise)
  const how = `changed in what it loads and registers${name in typedWords ? ', with its words in typed arrays' : ''}`
  const notice = `/*! ${name} of node-forge ${version}, ${how}. BSD-3-Clause: see THIRD-PARTY-NOTICES. */`
  return `${notice}\n${changed}\nexport { ${name} };\n`
}

interface Edit {
  /** How often it is there. */
  readonly times: number
  readonly of: RegExp
  readonly by: string
}

/**
 * An array holds any numbers, so V8 computes in doubles with what comes out of it; out of a Uint32Array come words of 32
 * bits. Only where words lie is changed, and not what is computed. Applied in this order.
 */
const typedWords: Readonly<Record<string, readonly Edit[]>> = {
  sha256: [
    { times: 1, of: /_k = \[\s+0x428a2f98,[^\]]*\];/g, by: '_k = cubeRootWords(64);' },
    { times: 1, of: /_w = new Array\(64\)/g, by: '_w = new Uint32Array(64)' },
    // The state stays an object, and is read as words.
    { times: 8, of: /^( {4}[a-h] = s\.h\d);$/gm, by: '$1 >>> 0;' },
  ],
  // A word of 64 bits is two numbers, which were an array each time and are neighbours now.
  sha512: [
    { times: 112, of: /\[(0x[\da-f]{8}, 0x[\da-f]{8})\]/gi, by: '$1' },
    { times: 5, of: / = \[\s+(0x[^\]]*)\];/g, by: ' = Uint32Array.of($1);' },
    {
      times: 1,
      of: /_w = new Array\(80\);\n {2}for\(var wi = 0; wi < 80; \+\+wi\) \{\n {4}_w\[wi\] = new Array\(2\);\n {2}\}/g,
      by: '_w = new Uint32Array(160);',
    },
    {
      times: 2,
      of: /\b(_?h) = new Array\((_\w+)\.length\);\n {4}for\(.*\) \{\n {6}\1\[i\] = \2\[i\]\.slice\(0\);\n {4}\}/g,
      by: '$1 = $2.slice(0);',
    },
    { times: 3, of: /hlen = h\.length/g, by: 'hlen = h.length / 2' },
    { times: 4, of: /\b(w\d+) = w\[(i - \d+)\]/g, by: '$1 = 2 * ($2)' },
    { times: 8, of: /\b(w\d+)\[([01])\]/g, by: 'w[$1 + $2]' },
    { times: 58, of: /\b(h|s|w|_k)\[(i|\d)\]\[([01])\]/g, by: '$1[2 * $2 + $3]' },
  ],
}
