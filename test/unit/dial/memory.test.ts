// The dialer over memory, against the scripted TLS server: what no server of node:tls would do.
import { beforeAll, describe, expect, it } from 'vitest'
import { type DialerOptions, dialerOn } from '../../../src/index.js'
import { type Identity, loadIdentity } from '../../../src/pki/index.js'
import { memoryPlatform } from '../../../src/platform/memory/index.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import type { Wire } from '../../../src/stream/index.js'
import { type Authority, createAuthority } from '../../support/certificates.js'
import { ScriptedServer, type ServerScript } from '../../support/tls-server/index.js'

let web: Authority
let server: Identity
let client: { certificate: string; privateKey: string }

beforeAll(async () => {
  web = await createAuthority()
  const front = await web.issue({ names: ['lb.test'] })
  server = await loadIdentity({ certificate: front.chain, privateKey: front.privateKey }, nodeCrypto)
  const alice = await web.issue({ usage: 'client', commonName: 'alice' })
  client = { certificate: alice.chain, privateKey: alice.privateKey }
})

function serve(script: Partial<ServerScript>): { servers: ScriptedServer[]; dial: (wire: Wire) => void } {
  const servers: ScriptedServer[] = []
  return {
    servers,
    dial(wire) {
      const made = new ScriptedServer({
        crypto: nodeCrypto,
        chain: server.chain,
        signer: server.signer,
        ...script,
      })
      servers.push(made)
      wire.start({
        async data(chunk) {
          await made.receive(chunk)
          const answer = made.take()
          if (answer.length > 0) await wire.write([answer])
        },
        end: () => wire.destroy(),
        fail: () => {},
      })
    },
  }
}

function dialer(dial: (wire: Wire) => void, options: Partial<DialerOptions> = {}) {
  const platform = memoryPlatform({ crypto: nodeCrypto, now: Date.now, serve: dial })
  return dialerOn(platform, {
    origin: 'https://lb.test',
    originTrust: web.certificate,
    trust: web.certificate,
    identity: client,
    alpn: ['app'],
    // The scripted server never ends.
    timeouts: { linger: 0 },
    ...options,
  })
}

describe('the first handshake, against a server that', () => {
  it('selects what was not offered (Apache): a load balancer', async () => {
    const { servers, dial } = serve({ alpn: 'http/1.1' })
    await using dials = dialer(dial)
    const detection = await dials.detect()
    expect(detection).toMatchObject({ verdict: 'upgrade', connections: 1 })
    expect(detection.evidence[0]).toContain('not offered')
    expect(servers[0]?.alerts).toMatchObject([{ name: 'illegal_parameter' }])
  })

  it('asks everybody for a certificate and selects nothing: it gets none', async () => {
    const { servers, dial } = serve({ request: {} })
    await using dials = dialer(dial)
    expect(await dials.detect()).toMatchObject({ verdict: 'upgrade', outerTls: { clientCertificate: false } })
    expect(servers[0]?.seen.map(({ name }) => name)).toContain('certificate')
    expect(servers[0]?.seen.map(({ name }) => name)).not.toContain('certificate_verify')
  })

  it('asks for a certificate and selects ours: it is the server, and gets it', async () => {
    const { servers, dial } = serve({ request: {}, alpn: 'app' })
    await using dials = dialer(dial)
    const { info } = await dials.connect()
    expect(info).toMatchObject({ verdict: 'direct', tls: { clientCertificate: true } })
    expect(servers[0]?.seen.map(({ name }) => name)).toContain('certificate_verify')
  })

  it('wants another hello (HelloRetryRequest) is no reason for a second connection', async () => {
    const { servers, dial } = serve({ alpn: 'app', retry: { cookie: new Uint8Array([1, 2, 3]) } })
    await using dials = dialer(dial)
    expect((await dials.connect()).info.connections).toBe(1)
    expect(servers).toHaveLength(1)
    expect(servers[0]?.hellos).toHaveLength(2)
  })
})
