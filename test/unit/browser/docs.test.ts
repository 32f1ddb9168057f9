// What docs/browsers.md shows compiles as it stands, against the sources.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

/** What the reader has around the snippets. */
const around = `
import type { DialerOptions } from 'underpass/browser'
declare global {
  const hostAuthorities: string, certificate: string, privateKey: string
  const pemOfChain: string, pemOfKey: string, passphrase: string, pem: string
  const file: File
  const options: DialerOptions
  function send(text: string): void
  function show(texts: readonly string[]): void
}
`

describe('docs/browsers.md', () => {
  it('shows code that compiles', { timeout: 120_000 }, async () => {
    const text = await readFile('docs/browsers.md', 'utf8')
    const snippets = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1]!)
    expect(snippets.length).toBeGreaterThan(3)
    expect(await complaints([around, ...snippets])).toBe('')
    expect(await complaints([around, `${snippets[0]}\ndialer.open()`])).toContain('TS2339')
  })
})

async function complaints(modules: readonly string[]): Promise<string> {
  const root = process.cwd()
  const folder = await mkdtemp(join(root, 'node_modules', '.underpass-docs-'))
  try {
    await Promise.all(
      modules.map((text, at) => writeFile(join(folder, `part${at}.ts`), `${resolved(text)}\nexport {}\n`)),
    )
    const config = {
      extends: join(root, 'tsconfig.portable.json'),
      compilerOptions: { noUnusedLocals: false, isolatedDeclarations: false, declaration: false },
      // What lies under node_modules is included file by file only.
      include: modules.map((_, at) => join(folder, `part${at}.ts`)),
    }
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
    const { bin } = JSON.parse(await readFile('node_modules/typescript/package.json', 'utf8')) as {
      readonly bin: { readonly tsc: string }
    }
    const args = [join('node_modules/typescript', bin.tsc), '-p', folder, '--pretty', 'false']
    return await promisify(execFile)(process.execPath, args).then(
      ({ stdout }) => stdout,
      (error: { readonly stdout: string }) => error.stdout,
    )
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** The names of the package, as the sources that they are made from. */
function resolved(text: string): string {
  const root = process.cwd()
  return text
    .replaceAll("'underpass/browser'", `'${root}/src/platform/browser/index.js'`)
    .replaceAll("'underpass/crypto/noble'", `'${root}/src/crypto/noble.js'`)
}
