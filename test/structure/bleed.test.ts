// Design §3, third check: what each published entry point drags along. No runtime's nouns in another runtime's bundle, no
// optional cryptography in a default one, and not more bytes than the budget.
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type Bundle,
  budgets,
  bundle,
  type EntryPoint,
  entryPoints,
  globalsUsed,
  globalsUsedBy,
  loadedAtOnce,
  neededAtOnce,
  sizeOf,
} from '../../scripts/bundle.js'

const entries = entryPoints()

const nodeGlobals = ['Buffer', 'process', 'require', '__dirname', '__filename', 'global', 'setImmediate']
const pageGlobals = ['window', 'document', 'localStorage', 'navigator', 'location']
const transports = ['WebSocket', 'WebSocketStream', 'fetch', 'XMLHttpRequest', 'EventSource']

describe.each(entries)('$name', (entry: EntryPoint) => {
  let whole: Bundle
  let own: Bundle
  beforeAll(async () => {
    whole = await bundle(entry)
    own = await bundle(entry, { packages: 'external' })
  })

  it('bundles to something', () => {
    expect(own.inputs).toContain(entry.source)
    expect(own.text.length).toBeGreaterThan(100)
  })

  it('evaluates no text as code', () => {
    // Both with dependencies: a content security policy without unsafe-eval must hold for all of it.
    expect(whole.text).not.toMatch(/(?<![\w$.])eval\s*\(/)
    expect(whole.text).not.toMatch(/\bnew Function\b/)
  })

  const optIn = entry.name === 'underpass/crypto/noble'

  it(optIn ? 'is where optional cryptography is' : 'has no optional cryptography inside', () => {
    const inside = new Set(whole.inputs.flatMap((path) => /@noble\/[^/]+/.exec(path)?.[0] ?? []))
    expect([...inside].sort()).toEqual(
      optIn ? ['@noble/ciphers', '@noble/curves', '@noble/hashes', '@noble/post-quantum'] : [],
    )
    expect(whole.inputs.some((path) => path.startsWith('src/crypto/noble'))).toBe(optIn)
    expect(whole.external.filter((path) => path.includes('@noble'))).toEqual([])
  })

  it('has no test or development package inside', () => {
    const packages = whole.inputs.flatMap(
      (path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? [],
    )
    const foreign = packages.filter(
      (path) => !(optIn ? /^(node-forge$|@noble\/)/ : /^(node-forge|ws)$/).test(path),
    )
    expect([...new Set(foreign)]).toEqual([])
  })

  it('takes single modules of node-forge, never the whole', () => {
    expect(whole.inputs.filter((path) => /node-forge\/lib\/index\.js$/.test(path))).toEqual([])
    expect(own.external.filter((path) => path === 'node-forge')).toEqual([])
  })

  if (entry.runtime !== 'node') {
    it('has nothing of Node inside', async () => {
      expect(whole.external.filter((path) => path.startsWith('node:'))).toEqual([])
      expect(whole.text).not.toMatch(/["'`]node:/)
      expect(await globalsUsed(entry, nodeGlobals)).toEqual([])
    })

    it('has no adapter but its own inside', () => {
      const foreign = whole.inputs.filter((path) => {
        const runtime = /^src\/platform\/([^/]+)\//.exec(path)?.[1]
        return runtime !== undefined && runtime !== 'memory' && runtime !== entry.runtime
      })
      expect(foreign).toEqual([])
    })

    it('leaves nothing outside but its own runtime', () => {
      const allowed = entry.runtime === 'workerd' ? /^cloudflare:/ : /^(?!)/
      expect(whole.external.filter((path) => !allowed.test(path))).toEqual([])
    })
  }

  if (entry.runtime === 'browser') {
    it('has nothing inside that takes raw TCP', () => {
      // The upgrade request, its proof, and detection, each by words of its own.
      expect(own.text).not.toMatch(/Sec-WebSocket-Key|258EAFA5|a load balancer ends TLS/)
    })
  }

  if (entry.runtime === 'browser' || entry.runtime === 'workerd') {
    it('loads at once only what every connection needs', async () => {
      const atOnce = await loadedAtOnce(entry)
      expect(atOnce).toContain('src/tls/handshake13.ts')
      const later =
        /node-forge|\/(forge-sha512|mlkem|handshake12|protection12|prf|resumption|session|client-certificate|constraints|ping|tcp|attempts|detect|upgrade|websocket|workerd\/socket|workerd\/web-socket)\.ts$/
      expect(atOnce.filter((path) => later.test(path))).toEqual([])
    })
  }

  if (entry.runtime === 'portable') {
    it('opens no connection by itself', async () => {
      expect(await globalsUsed(entry, transports)).toEqual([])
    })
  }

  if (entry.runtime === 'portable' || entry.runtime === 'workerd') {
    it('knows no page', async () => {
      expect(await globalsUsed(entry, pageGlobals)).toEqual([])
    })
  }

  const budget = budgets[entry.name]
  if (budget !== undefined) {
    it(`weighs at most ${budget} bytes after gzip`, async () => {
      expect((await sizeOf(entry)).gzip).toBeLessThanOrEqual(budget)
    })
  }
})

describe('the command', () => {
  it('starts without the packages that only its demo needs', async () => {
    const foreign = (await neededAtOnce('src/cli/main.ts')).filter(
      (path) => !/^(node:|node-forge(\/|$)|ws$)/.test(path),
    )
    expect(foreign).toEqual([])
  })
})

describe('the check itself', () => {
  it.each([
    ['x = Buffer.from(y)', ['Buffer']],
    ['if (typeof process !== "undefined") globalThis.setImmediate(f)', ['process', 'setImmediate']],
    ['export default [global]', ['global']],
    ['a.process(); "process"; class A { process() {} }', []],
    ['export function f(process) { return process.pid }', []],
    ['new ArrayBuffer(1)', []],
  ])('finds the globals of %s', async (code, found) => {
    expect(await globalsUsedBy(code, nodeGlobals)).toEqual(found)
  })
})
