// The digests as they are published: node-forge's own code, as ES modules on our buffer (src/crypto/forge-buffer.ts). Its
// util.js, with what it pulls in, weighs more than all digests together; and SHA-256's table of constants, which every page
// and Worker would load, is computed. `npm run build` writes them over what tsc made; whoever bundles from the sources, to
// measure them, takes the plugin. Both are the same text.
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
  const loading = original
    .replace(
      /^var forge = require\('\.\/forge'\);\nrequire\('\.\/md'\);\nrequire\('\.\/util'\);$/m,
      `import { ${own} } from './forge-buffer.js';\nvar forge = { md: { algorithms: {} }, util: { createBuffer, fillString } };`,
    )
    .replace(` = module.exports = forge.${name} = `, ` = forge.${name} = `)
    // Text is never hashed, and what would encode it is not there.
    .replace(/^ {4}if\(encoding === 'utf8'\) \{\n.*encodeUtf8.*\n {4}\}\n/m, '')
  const changed =
    name === 'sha256' ? loading.replace(/_k = \[\s+0x428a2f98,[^\]]*\];/, '_k = cubeRootWords(64);') : loading
  if (
    /\b(require|module|exports|encodeUtf8)\b/.test(changed) ||
    changed.includes('_k = cubeRootWords') !== (name === 'sha256')
  )
    throw new Error(`${name}.js of node-forge ${version} is not written as its publication expects`)
  const notice = `/*! ${name} of node-forge ${version}, changed in what it loads. BSD-3-Clause: see THIRD-PARTY-NOTICES. */`
  return `${notice}\n${changed}\nexport { ${name} };\n`
}
