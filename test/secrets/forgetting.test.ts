// What later secrets came from is overwritten once these are there: the result of the key exchange, in TLS 1.3 and 1.2.

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { afterEach, expect, it } from 'vitest'
import { dialerOn } from '../../src/dial/index.js'
import { nodePlatform } from '../../src/platform/node/index.js'
import { createAuthority } from '../support/certificates.js'

const closers: Array<() => void> = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

it.each(['TLSv1.3', 'TLSv1.2'] as const)('%s forgets the shared secret', async (version) => {
  const authority = await createAuthority()
  const { chain, privateKey } = await authority.issue({ names: ['localhost'] })
  const sockets = new Set<TLSSocket>()
  const server = createServer(
    { cert: chain, key: privateKey, ALPNProtocols: ['echo'], minVersion: version, maxVersion: version },
    (socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.pipe(socket)
    },
  ).listen(0, '127.0.0.1')
  closers.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  await once(server, 'listening')
  const platform = nodePlatform({ outbound: 'none' })
  const shared: Uint8Array[] = []
  const seen: boolean[] = []
  const groups = platform.crypto.groups.map((group) => ({
    ...group,
    async generate() {
      const share = await group.generate()
      return {
        publicKey: share.publicKey,
        async derive(peer: Uint8Array) {
          const secret = await share.derive(peer)
          shared.push(secret)
          seen.push(secret.some((byte) => byte !== 0))
          return secret
        },
      }
    },
  }))
  const dialer = dialerOn(
    { ...platform, crypto: { ...platform.crypto, groups } },
    {
      origin: `https://localhost:${(server.address() as AddressInfo).port}`,
      originTrust: authority.certificate,
      trust: authority.certificate,
      mode: 'direct',
      alpn: ['echo'],
    },
  )
  const socket = await dialer.connect()
  expect(socket.info.tls.version).toBe(version)
  expect(seen).toEqual([true])
  expect(shared.map((secret) => secret.every((byte) => byte === 0))).toEqual([true])
  await dialer.close()
})
