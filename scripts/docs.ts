// `npm run docs`: writes the generated documents. Tests fail while they differ from the sources.
import { readFileSync, writeFileSync } from 'node:fs'
import { cliDocument } from './cli-doc.js'
import { errorsDocument } from './errors-doc.js'
import { hardeningDocument } from './hardening-doc.js'

export async function main(): Promise<number> {
  const documents = {
    'docs/errors.md': errorsDocument(),
    'docs/cli.md': await cliDocument(),
    'docs/hardening.md': hardeningDocument(readFileSync('docs/hardening.md', 'utf8')),
  }
  for (const [path, content] of Object.entries(documents)) {
    writeFileSync(path, content)
    process.stdout.write(`${path}\n`)
  }
  return 0
}
