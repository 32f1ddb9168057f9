// Nothing that is made for a connection has getters of its own. To V8 such an object is one of a kind; what describes the kind
// is old from its birth and holds the getters, so that a connection that is long closed stays in memory until a full garbage
// collection. The getters of a class are the class's.
import { expect, it } from 'vitest'
import { type SourceFile, sourceFiles, withoutComments } from './source.js'

/** Where connections are made of. */
const rooms = [
  'dial',
  'duplex',
  'gateway',
  'pki',
  'platform/node',
  'platform/workerd',
  'proxy',
  'stream',
  'tls',
  'tunnel',
]

/** One for each door of a gateway. */
const lasting = ['src/gateway/server.ts: closing']

/** By the shape that the formatter gives all sources: a member stands deeper than the line that opens what it is a member of. */
function ownAccessors({ path, text }: SourceFile): string[] {
  const lines = withoutComments(text).split('\n')
  return lines.flatMap((line, at) => {
    const [, indent, name] = /^( *)(?:.*[{,] )?[gs]et ([\w#.[\]]+)\(.*\{$/.exec(line) ?? []
    if (indent === undefined) return []
    const opening = lines
      .slice(0, at)
      .findLast((one) => one.trim() !== '' && one.search(/\S/) < indent.length)
    return opening?.includes('class ') ? [] : [`${path}: ${name}`]
  })
}

it('no connection has an object with getters of its own', () => {
  const files = rooms.flatMap((room) => sourceFiles(`src/${room}`))
  expect(files.length).toBeGreaterThan(100)
  expect(files.flatMap(ownAccessors)).toEqual(lasting)
})

it('sees one', () => {
  const text =
    'class A {\n  get a() {\n  }\n}\nconst b = {\n  b: 1,\n  get c() {\n  },\n}\nf({ get d() {\n} })\n'
  expect(ownAccessors({ path: 'a.ts', text })).toEqual(['a.ts: c', 'a.ts: d'])
})
