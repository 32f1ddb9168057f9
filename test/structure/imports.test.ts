// Design §3, first check: rooms import only what the table in rooms.ts lets them.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { rooms, vagueFolders } from './rooms.js'
import { files, type Import, importsOf, projectRoot, roomOf, sourceFiles } from './source.js'

const sources = sourceFiles('src')
const imports = sources.flatMap(importsOf)

describe('rooms', () => {
  it('are all in the table', () => {
    const unknown = new Set(sources.map(({ path }) => roomOf(path)).filter((room) => !(room in rooms)))
    expect([...unknown]).toEqual([])
  })

  it('import only rooms that the table allows', () => {
    const broken = imports.filter((each) => each.target !== undefined && !allowed(each))
    expect(broken.map(describeImport)).toEqual([])
  })

  it('import only packages that the table allows', () => {
    const broken = imports.filter(
      ({ file, specifier, target }) =>
        target === undefined &&
        !(rooms[roomOf(file)]?.packages ?? []).some((pattern) => pattern.test(specifier)),
    )
    expect(broken.map(describeImport)).toEqual([])
  })

  it('import only files that exist, inside src', () => {
    const broken = imports.filter(
      ({ target }) =>
        target !== undefined &&
        !(target.startsWith('src/') && existsSync(join(projectRoot, target))) &&
        target !== 'package.json',
    )
    expect(broken.map(describeImport)).toEqual([])
  })

  it('have no cycle in the table', () => {
    // The order of the rows is the proof: each row names only rows above it.
    const names = Object.keys(rooms)
    const upward = names.flatMap((name, at) =>
      (rooms[name]?.rooms ?? [])
        .filter((other) => names.indexOf(other) >= at && other !== 'index')
        .map((other) => `${name} names ${other}, which is not above it`),
    )
    expect(upward).toEqual([])
    expect(cycleFrom('index', [])).toBeUndefined()
  })

  it('have no adapter that another adapter imports', () => {
    const broken = imports.filter(({ file, target }) => {
      const [from, to] = [roomOf(file), roomOf(target ?? '')]
      return from.startsWith('platform/') && to.startsWith('platform/') && from !== to
    })
    expect(broken.map(describeImport)).toEqual([])
  })
})

describe('the Worker and the console', () => {
  it('import only published entry points', () => {
    const exported = Object.keys(
      (JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { exports: object }).exports,
    ).map((key) => key.replace(/^\./, 'underpass'))
    const broken = sourceFiles('worker')
      .flatMap(importsOf)
      .filter(({ specifier, target }) =>
        target === undefined
          ? specifier.startsWith('underpass') && !exported.includes(specifier)
          : !target.startsWith('worker/'),
      )
    expect(broken.map(describeImport)).toEqual([])
  })
})

describe('files and folders', () => {
  const folders = ['src', 'test', 'scripts', 'worker']

  it('export nothing by default', () => {
    const broken = [...sources, ...sourceFiles('scripts'), ...sourceFiles('test')].filter(({ text }) =>
      /^export default |^export \{[^}]*\bas default\b/m.test(text),
    )
    expect(broken.map(({ path }) => path)).toEqual([])
  })

  it('have no vague folder', () => {
    const broken = folders
      .flatMap(files)
      .filter((path) => path.split('/').some((part) => vagueFolders.includes(part)))
    expect(broken).toEqual([])
  })

  it('are named in kebab-case', () => {
    const broken = folders
      .flatMap(files)
      .filter(
        (path) =>
          /\.[mc]?ts$/.test(path) &&
          !/^([a-z0-9]+(-[a-z0-9]+)*)(\.[a-z0-9-]+)*\.[mc]?ts$/.test(path.split('/').at(-1) ?? ''),
      )
    expect(broken).toEqual([])
  })

  it('say in their first line what lives there', () => {
    const broken = sources.filter(
      ({ path, text }) => !/^(#!.*\n)?\/[/*]/.test(text) && !path.endsWith('.d.ts'),
    )
    expect(broken.map(({ path }) => path)).toEqual([])
  })
})

describe('the check itself', () => {
  it('sees every form of import and skips comments', () => {
    const text = [
      "import type { A } from './a.js'",
      "import {\n  b,\n} from '../b/index.js'",
      "export * from 'ws'",
      "import './side.js'",
      "const c = await import('node:net')",
      "type D = import('node:tls').TLSSocket",
      "// import e from 'e'",
      "/** import f from 'f' */",
    ].join('\n')
    const found = importsOf({ path: 'src/x/y.ts', text })
    expect(found.map(({ specifier }) => specifier).sort()).toEqual(
      ['../b/index.js', './a.js', './side.js', 'node:net', 'node:tls', 'ws'].sort(),
    )
    expect(found.find(({ specifier }) => specifier === '../b/index.js')?.target).toBe('src/b/index.ts')
  })

  it('knows the rooms of paths', () => {
    expect(
      [
        'src/errors.ts',
        'src/tls/messages/hello.ts',
        'src/platform/platform.ts',
        'src/platform/node/index.ts',
        'src/crypto/forge.ts',
        'src/crypto/noble.ts',
        'src/crypto/noble-aead.ts',
      ].map(roomOf),
    ).toEqual(['errors', 'tls', 'platform', 'platform/node', 'crypto', 'crypto/noble', 'crypto/noble'])
  })
})

function allowed({ file, target }: Import): boolean {
  const [from, to] = [roomOf(file), roomOf(target ?? '')]
  return from === to || target === 'package.json' || (rooms[from]?.rooms ?? []).includes(to)
}

function describeImport({ file, specifier }: Import): string {
  return `${file} imports ${specifier}`
}

function cycleFrom(room: string, path: readonly string[]): readonly string[] | undefined {
  if (path.includes(room)) return [...path, room]
  for (const next of rooms[room]?.rooms ?? []) {
    const cycle = cycleFrom(next, [...path, room])
    if (cycle) return cycle
  }
  return undefined
}
