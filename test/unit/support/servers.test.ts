import { once } from 'node:events'
import { createServer } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { Redis } from 'ioredis'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { Client as SshClient } from 'ssh2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Authority, createAuthority, type Issued } from '../../support/certificates.js'
import { describePeer } from '../../support/peers.js'
import {
  startHaproxy,
  startMariadb,
  startNginx,
  startOpensslServer,
  startPostgres,
  startRedis,
  startSshd,
} from '../../support/servers/index.js'

describe('real servers start, answer and end', () => {
  let authority: Authority
  let certificate: Issued
  beforeAll(async () => {
    authority = await createAuthority()
    certificate = await authority.issue({ names: ['lb.test', 'localhost', '127.0.0.1'] })
  })

  const balancers = [
    { peer: 'haproxy', start: startHaproxy },
    { peer: 'nginx', start: startNginx },
  ] as const
  for (const { peer, start } of balancers)
    describePeer(peer, peer, () => {
      const upstream = createServer((message, response) => {
        response.end(`${message.headers.upgrade ?? 'none'}`)
      })
      upstream.on('upgrade', (message, socket) => {
        socket.end(
          `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${message.headers.upgrade}\r\n\r\n`,
        )
      })
      beforeAll(async () => {
        upstream.listen(0, '127.0.0.1')
        await once(upstream, 'listening')
      })
      afterAll(() => void upstream.close())

      it.each([
        { webSocketOnly: false, status: 101 },
        { webSocketOnly: true, status: 200 },
      ])(
        'webSocketOnly $webSocketOnly answers an alpn upgrade with $status',
        async ({ webSocketOnly, status }) => {
          const upstreamPort = (upstream.address() as AddressInfo).port
          await using server = await start({ upstreamPort, certificate, webSocketOnly })
          const sent = httpsRequest({
            host: '127.0.0.1',
            port: server.port,
            ca: authority.certificate,
            headers: { connection: 'Upgrade', upgrade: 'alpn' },
            agent: false,
          })
          sent.end()
          const [answer, socket] = await Promise.race([once(sent, 'upgrade'), once(sent, 'response')])
          expect(answer.statusCode).toBe(status)
          ;(socket ?? answer).destroy()
          sent.destroy()
        },
      )
    })

  describePeer('openssl', 'openssl s_server', () => {
    it('asks for a client certificate and shows what it got', async () => {
      await using server = await startOpensslServer({
        certificate,
        clientAuthority: authority,
        alpn: ['a', 'b'],
      })
      const client = await authority.issue({ usage: 'client', commonName: 'alice' })
      const socket = tlsConnect({
        port: server.port,
        host: '127.0.0.1',
        ca: authority.certificate,
        cert: client.chain,
        key: client.privateKey,
        ALPNProtocols: ['b'],
      })
      await once(socket, 'secureConnect')
      expect(socket.alpnProtocol).toBe('b')
      socket.write('from the client\n')
      await server.waitForLog(/from the client/)
      server.type('from the server\n')
      const [data] = await once(socket, 'data')
      expect(String(data)).toBe('from the server\n')
      socket.destroy()
    })
  })

  describePeer('postgresql', 'PostgreSQL', () => {
    it('runs a query', async () => {
      await using server = await startPostgres()
      const client = new pg.Client({
        host: '127.0.0.1',
        port: server.port,
        user: server.user,
        database: server.database,
      })
      await client.connect()
      expect((await client.query('select 6 * 7 as n')).rows).toEqual([{ n: 42 }])
      await client.end()
    })
  })

  describePeer('mariadb', 'MariaDB', () => {
    it('runs a query', async () => {
      await using server = await startMariadb()
      const client = await mysql.createConnection({
        host: '127.0.0.1',
        port: server.port,
        user: server.user,
        database: server.database,
      })
      const [rows] = await client.query('select 6 * 7 as n')
      expect(rows).toEqual([{ n: 42 }])
      await client.end()
    })
  })

  describePeer('redis', 'Redis', () => {
    it('keeps a value', async () => {
      await using server = await startRedis()
      const client = new Redis({ host: '127.0.0.1', port: server.port })
      await client.set('k', 'v')
      expect(await client.get('k')).toBe('v')
      client.disconnect()
    })
  })

  describePeer('openssh', 'OpenSSH', () => {
    it('runs a command', async () => {
      await using server = await startSshd()
      const client = new SshClient()
      client.connect({
        host: '127.0.0.1',
        port: server.port,
        username: server.user,
        privateKey: server.privateKey,
      })
      await once(client, 'ready')
      const output = await new Promise<string>((resolve, reject) => {
        client.exec('echo ok', (error, channel) => {
          if (error) reject(error)
          else channel.on('data', (data: Buffer) => resolve(String(data)))
        })
      })
      expect(output).toBe('ok\n')
      client.end()
      await once(client, 'close')
    })
  })
})
