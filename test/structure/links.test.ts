// What the documents link to is there: files, and the headings that anchors name. llms.txt, the index for machines, leaves out
// no document.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { projectRoot } from './source.js'

const inDocs = readdirSync(join(projectRoot, 'docs'))
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/${name}`)
const documents = ['README.md', 'SECURITY.md', 'CHANGELOG.md', 'llms.txt', ...inDocs]

const read = (path: string) => readFileSync(join(projectRoot, path), 'utf8')
const prose = (path: string) => read(path).replace(/^```[\s\S]*?^```/gm, '')

/** As repositories of Markdown make them: lower case, spaces as hyphens, other signs gone. */
function anchorsOf(path: string): Set<string> {
  const titles = [...prose(path).matchAll(/^#+ (.+)$/gm)].map(([, title]) => title!)
  return new Set(
    titles.map((title) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

describe('links', () => {
  it.each(documents)('%s leads to what is there', (path) => {
    const targets = [...prose(path).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!)
    const broken = targets.filter((target) => {
      if (/^(?:https?|mailto):/.test(target)) return false
      const [file = '', anchor] = target.split('#')
      const found = file === '' ? path : join(dirname(path), file)
      if (!existsSync(join(projectRoot, found))) return true
      return anchor !== undefined && !anchorsOf(found).has(anchor)
    })
    expect(broken).toEqual([])
  })

  it('llms.txt lists every document', () => {
    const index = read('llms.txt')
    expect(inDocs.filter((path) => !index.includes(`(${path})`))).toEqual([])
  })
})
