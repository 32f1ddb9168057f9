// Whatever a proxy answers, in whatever pieces: the layer opens, waits, or fails with one of the proxy's own codes.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TunnelError } from '../../../src/errors.js'
import type { Layer, Sink } from '../../../src/layer.js'
import { httpConnect } from '../../../src/platform/node/http-connect.js'
import { bypassesProxy, isLoopback } from '../../../src/platform/node/no-proxy.js'
import { socks5 } from '../../../src/platform/node/socks5.js'

const target = { host: 'origin.test', port: 443 }
const credentials = { user: 'alice', password: 'secret' }

/** Feeds chunks, then the end; what rose, or the error. */
function outcome(layer: Layer<object>, chunks: readonly Uint8Array[]) {
  const risen: number[] = []
  let opened = 0
  const sink: Sink<object> = {
    down: () => {},
    up: (chunk) => void risen.push(...chunk),
    open: () => void opened++,
    finish: () => {},
    eof: () => {},
    trace: () => {},
  }
  try {
    layer.start(sink)
    for (const chunk of chunks) layer.receive(chunk, sink)
    layer.eof(undefined, sink)
    return { opened, risen, error: undefined }
  } catch (error) {
    return { opened, risen, error }
  }
}

function pieces(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const edges = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return edges
    .slice(1)
    .map((edge, i) => bytes.slice(edges[i], edge))
    .filter((piece) => piece.length > 0)
}

const cuts = fc.array(fc.nat(600), { maxLength: 6 })
const latin1 = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'))

function mutated(valid: Uint8Array) {
  return fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 4 }).map((changes) => {
    const bytes = valid.slice()
    for (const [at, value] of changes) bytes[at] = value
    return bytes
  })
}

const layers = [
  [
    'CONNECT',
    () => httpConnect({ target, credentials }),
    latin1('HTTP/1.1 200 OK\r\nVia: 1.1 x\r\n\r\ntail'),
  ],
  [
    'SOCKS5',
    () => socks5({ target, credentials }),
    new Uint8Array([5, 2, 1, 0, 5, 0, 0, 1, 1, 2, 3, 4, 0, 80, ...latin1('tail')]),
  ],
] as const

describe.each(layers)('%s', (_, layer, valid) => {
  it('reads a valid answer in any pieces', () => {
    fc.assert(
      fc.property(cuts, (at) => {
        const { opened, risen, error } = outcome(layer(), pieces(valid, at))
        expect([opened, Buffer.from(risen).toString(), error]).toEqual([1, 'tail', undefined])
      }),
    )
  })

  it('fails by name otherwise', () => {
    const answers = fc.oneof(mutated(valid), fc.uint8Array({ maxLength: 600 }))
    fc.assert(
      fc.property(answers, cuts, (answer, at) => {
        const { opened, error } = outcome(layer(), pieces(answer, at))
        expect(opened).toBe(error === undefined ? 1 : 0)
        if (error === undefined) return
        expect(error).toBeInstanceOf(TunnelError)
        const { code, message } = error as TunnelError
        expect(code).toMatch(/^ERR_PROXY_(AUTH|DENIED|UPSTREAM|PROTOCOL)$/)
        expect(message).not.toMatch(/secret/)
      }),
    )
  })
})

describe('NO_PROXY', () => {
  it('is read without failing, whatever it says', () => {
    const odd = fc.string({ unit: fc.constantFrom(...'ab.:/[]*%0159, -'), maxLength: 30 })
    const hosts = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6(), odd)
    fc.assert(
      fc.property(fc.oneof(odd, fc.string()), hosts, fc.nat(65_535), (list, host, port) => {
        expect(bypassesProxy(list, host, port)).toBeTypeOf('boolean')
        expect(isLoopback(host)).toBeTypeOf('boolean')
        expect(bypassesProxy(`${list},*`, host, port)).toBe(true)
      }),
    )
  })
})
