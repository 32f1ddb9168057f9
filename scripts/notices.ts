// The licences of the packages whose code a bundle holds, read from the packages themselves.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Manifest {
  readonly name: string
  readonly version: string
  readonly license?: string
  readonly author?: string | { readonly name?: string }
  readonly repository?: string | { readonly url?: string }
}

/** `inputs`: the files of a bundle, as esbuild's metafile names them. Throws where a package says no licence. */
export function notices(inputs: readonly string[]): string {
  const folders = inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? [])
  const entries = [...new Set(folders)].map(entryOf).sort()
  return ['These files contain code of others, under licences of their own.\n', ...entries].join(
    `\n${'-'.repeat(79)}\n`,
  )
}

function entryOf(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
  const { name, version, license } = manifest
  if (license === undefined) throw new Error(`${name} says no licence`)
  const file = readdirSync(folder).find((each) => /^licen[cs]e(\.\w+)?$/i.test(each))
  const text = file === undefined ? withoutFile(manifest) : readFileSync(join(folder, file), 'utf8')
  return `${name} ${version} (${license})\n\n${text.trim()}\n`
}

/** Some packages name their licence and their author, and leave the text out. */
function withoutFile({ author, repository, license }: Manifest): string {
  const who = typeof author === 'object' ? author.name : author
  const where = typeof repository === 'object' ? repository.url : repository
  return [`Licence: ${license}, without a text of its own in the package.`, who && `Copyright: ${who}`, where]
    .filter(Boolean)
    .join('\n')
}
