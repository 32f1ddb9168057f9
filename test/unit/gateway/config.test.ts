import { describe, expect, it } from 'vitest'
import { checkRoutes, checkSettings } from '../../../src/gateway/config.js'
import { credentials } from './clients.js'

const { server, clientCa, alice } = await credentials()
const route = { name: 'r', alpn: 'a', connect: { port: 1 }, client: { trust: clientCa } }
const good = { listen: { upgrade: { port: 0 } }, identity: server, routes: [route] }

/** Options that differ from good ones as a typo in a configuration file would: the types do not help there. */
function complaint(change: object): string {
  const options = { ...good, ...change } as typeof good
  try {
    checkSettings(options)
    checkRoutes(options)
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_GATEWAY_CONFIG', blame: 'config' })
    return /used: ([^:]+):/.exec((error as Error).message)?.[1] ?? String(error)
  }
  return 'none'
}

const withRoute = (change: object) => ({ routes: [{ ...route, ...change }] })

describe('the complaint names the key', () => {
  it.each([
    ['none', {}],
    ['listen', { listen: {} }],
    ['listen', { listen: undefined }],
    ['listen.upgrade.port', { listen: { upgrade: { port: 65_536 } } }],
    ['listen.upgrade.path', { listen: { upgrade: { port: 0, path: 'relative' } } }],
    ['listen.upgrade.prot', { listen: { upgrade: { port: 0, prot: 1 } } }],
    ['listen.direct.port', { listen: { direct: { port: '443' } } }],
    ['pingIntervall', { pingIntervall: 5 }],
    ['pingInterval', { pingInterval: 0 }],
    ['timeouts.handshake', { timeouts: { handshake: 0 } }],
    ['none', { timeouts: { idle: 0, halfClosed: 0 } }],
    ['timeouts.handshaek', { timeouts: { handshaek: 5 } }],
    ['limits.frame', { limits: { frame: Number.POSITIVE_INFINITY } }],
    ['onEvent', { onEvent: 'console.log' }],
    ['identity', { identity: undefined }],
    ['identity.privateKey', { identity: { certificate: server.certificate } }],
    ['identity', { identity: { certificate: server.certificate, privateKey: alice.key } }],
    ['identities["*.x.test"]', { identities: { '*.x.test': { certificate: 'x', privateKey: 'y' } } }],
    ['identities["*"]', { identities: { '*': server } }],
    ['routes', { routes: [] }],
    ['routes[0].name', withRoute({ name: '' })],
    ['routes[0].alpn', withRoute({ alpn: [] })],
    ['routes[0].alpn', withRoute({ alpn: '' })],
    ['routes[0].alpn', withRoute({ alpn: 'x'.repeat(256) })],
    ['routes[0].alpn', withRoute({ alpn: 'x'.repeat(252), ping: true })],
    ['routes[0].serverName', withRoute({ serverName: '*' })],
    ['routes[0].serverName', withRoute({ serverName: 'a.*.test' })],
    ['routes[0].connect', withRoute({ connect: undefined })],
    ['routes[0].connect.port', withRoute({ connect: { port: 0 } })],
    ['routes[0].connect', withRoute({ connect: { port: 1, path: '/x' } })],
    ['routes[0].connect.path', withRoute({ connect: { path: '' } })],
    ['routes[0].client', withRoute({ client: undefined })],
    ['routes[0].client', withRoute({ client: 'anyone' })],
    ['none', withRoute({ client: 'anyone-without-a-certificate' })],
    ['routes[0].client.trust', withRoute({ client: {} })],
    ['routes[0].client.trust', withRoute({ client: { trust: '' } })],
    ['routes[0].client.trust', withRoute({ client: { trust: [] } })],
    ['routes[0].client.trust', withRoute({ client: { trust: clientCa.replace(/M/g, 'N') } })],
    ['routes[0].client.alow', withRoute({ client: { trust: clientCa, alow: [{ commonName: 'a' }] } })],
    ['routes[0].client.allow', withRoute({ client: { trust: clientCa, allow: [] } })],
    ['routes[0].client.allow[0]', withRoute({ client: { trust: clientCa, allow: [{}] } })],
    ['routes[0].client.allow[0].cn', withRoute({ client: { trust: clientCa, allow: [{ cn: 'a' }] } })],
    ['routes[0].client.allow[0].dns', withRoute({ client: { trust: clientCa, allow: [{ dns: '' }] } })],
    ['routes[1].name', { routes: [route, { ...route, alpn: 'b' }] }],
    ['routes[1].alpn', { routes: [route, { ...route, name: 's' }] }],
    [
      'routes[1].alpn',
      {
        routes: [
          { ...route, ping: true },
          { ...route, name: 's', alpn: 'a-ping' },
        ],
      },
    ],
    ['none', { routes: [route, { ...route, name: 's', serverName: 'x.test' }] }],
  ])('%s', (key, change) => {
    expect(complaint(change)).toBe(key)
  })
})

describe('checkRoutes', () => {
  it('adds the -ping twins once', () => {
    const { routes } = checkRoutes({
      ...good,
      routes: [{ ...route, alpn: ['a', 'b', 'b-ping'], ping: true }],
    })
    expect(routes[0]!.alpn).toEqual(['a', 'b', 'b-ping', 'a-ping'])
  })

  it('says nothing of the key in its complaints', () => {
    const identity = { certificate: alice.cert, privateKey: server.privateKey }
    const secret = server.privateKey.split('\n')[1]!
    expect(() => checkRoutes({ ...good, identity })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining(secret) }),
    )
  })
})

describe('checkSettings', () => {
  it('fills in the defaults', () => {
    expect(checkSettings({ ...good, timeouts: { connect: 1 } })).toMatchObject({
      upgrade: {
        host: '127.0.0.1',
        port: 0,
        path: '/webapi/connectionupgrade',
        forwarded: undefined,
        console: false,
      },
      direct: undefined,
      pingInterval: 30_000,
      timeouts: { connect: 1, handshake: 15_000 },
      limits: { clientHello: 16_384 },
    })
  })
})
