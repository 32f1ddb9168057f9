// Real client libraries over the duplex, through HAProxy and the gateway, to real servers. What each hook needs of a
// net.Socket is what `duplex` has to be.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AgentOptions, createServer, get, Agent as HttpAgent, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AbstractConnector, Redis } from 'ioredis'
import mysql from 'mysql2/promise'
import pg from 'pg'
import postgres from 'postgres'
import { Client as SshClient } from 'ssh2'
import { Agent, fetch, request } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { duplex } from '../../src/duplex/index.js'
import type { Dialer } from '../../src/platform/node/index.js'
import { describePeer, type PeerName, recordExercised } from '../support/peers.js'
import {
  type RunningServer,
  startHaproxy,
  startMariadb,
  startPostgres,
  startRedis,
  startSshd,
} from '../support/servers/index.js'
import { createStage, type Stage } from '../support/stage.js'

const mebibyte = 1024 * 1024

describe('PostgreSQL', () => {
  const world = setUp(['postgresql'], startPostgres)

  describePeer(world.peers, 'over HAProxy and the gateway', () => {
    const { hooks, connect } = world
    hooks()

    it('pg: a pool of five, a parameter of 1 MiB, a result of 8 MiB', async () => {
      exercised('pg')
      const pool = new pg.Pool({
        user: 'postgres',
        database: 'postgres',
        ssl: false,
        max: 5,
        stream: connect,
      })
      const sums = await Promise.all(
        Array.from({ length: 10 }, (_, n) => pool.query('select $1::int * 2 as n, pg_sleep(0.01)', [n])),
      )
      expect(sums.map(({ rows }) => rows[0].n)).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18])
      const parameter = 'x'.repeat(mebibyte)
      const counted = await pool.query('select length($1) as n, md5($1) as digest', [parameter])
      expect(counted.rows[0]).toEqual({ n: mebibyte, digest: 'b561f87202d04959e37588ee05cf5b10' })
      const large = await pool.query("select repeat('y', 1048576) as text from generate_series(1, 8)")
      expect(large.rows.map(({ text }) => text.length)).toEqual(new Array(8).fill(mebibyte))
      await pool.end()
    })

    it('pg: an error of the server is the query’s, and the connection lives on', async () => {
      const client = new pg.Client({ user: 'postgres', database: 'postgres', ssl: false, stream: connect })
      await client.connect()
      await expect(client.query('select 1/0')).rejects.toMatchObject({ code: '22012' })
      expect((await client.query('select 1 as n')).rows).toEqual([{ n: 1 }])
      await client.end()
    })

    it('postgres: parallel queries, notifications, and end()', async () => {
      exercised('postgres')
      const options = { host: 'db.test', user: 'postgres', database: 'postgres', max: 3, socket: connect }
      const sql = postgres(options as postgres.Options<Record<string, never>>)
      const rows = await Promise.all([1, 2, 3, 4].map((n) => sql`select ${n}::int + 1 as n`))
      expect(rows.map(([row]) => row?.n)).toEqual([2, 3, 4, 5])
      const heard = new Promise<string>(
        (resolve) => void sql.listen('news', resolve).then(() => sql.notify('news', 'hello')),
      )
      expect(await heard).toBe('hello')
      await sql.end()
    })
  })
})

describe('MariaDB', () => {
  const world = setUp(['mariadb'], startMariadb)

  describePeer(world.peers, 'over HAProxy and the gateway', () => {
    const { hooks, connect } = world
    hooks()

    it('mysql2: queries, and a value of 1 MiB both ways', async () => {
      exercised('mysql2')
      const connection = await mysql.createConnection({ user: 'root', database: 'test', stream: connect })
      const [rows] = await connection.query('select ? + 1 as n', [41])
      expect(rows).toEqual([{ n: 42 }])
      const [large] = await connection.query('select ? as text', ['z'.repeat(mebibyte)])
      expect((large as { text: string }[])[0]?.text).toHaveLength(mebibyte)
      await connection.end()
    })
  })
})

describe('Redis', () => {
  const world = setUp(['redis'], startRedis)

  describePeer(world.peers, 'over HAProxy and the gateway', () => {
    const { hooks, connect } = world
    hooks()

    it('ioredis: a pipeline, a value of 1 MiB, and quit', async () => {
      exercised('ioredis')
      class TunnelConnector extends AbstractConnector {
        constructor() {
          super(1000)
        }

        override async connect(): Promise<AbstractConnector['stream']> {
          this.stream = connect() as unknown as AbstractConnector['stream']
          return this.stream
        }
      }
      const client = new Redis({ Connector: TunnelConnector, lazyConnect: true, maxRetriesPerRequest: 1 })
      await client.connect()
      const results = await client.pipeline().set('a', '1').incr('a').get('a').exec()
      expect(results?.map(([, value]) => value)).toEqual(['OK', 2, '2'])
      await client.set('large', 'r'.repeat(mebibyte))
      expect(await client.get('large')).toHaveLength(mebibyte)
      await client.quit()
    })
  })
})

describe('OpenSSH', () => {
  const world = setUp(['openssh'], startSshd)

  describePeer(world.peers, 'over HAProxy and the gateway', () => {
    const { hooks, connect } = world
    hooks()

    it('ssh2: a command, its output of 1 MiB and its exit status', async () => {
      exercised('ssh2')
      const { user, privateKey } = world.server()
      const client = new SshClient()
      client.connect({ sock: connect(), username: user, privateKey })
      await once(client, 'ready')
      const result = await new Promise<{ bytes: number; status: number }>((resolve, reject) => {
        client.exec('head -c 1048576 /dev/zero; exit 3', (error, channel) => {
          if (error) return reject(error)
          let bytes = 0
          channel.on('data', (chunk: Buffer) => {
            bytes += chunk.length
          })
          channel.on('close', (status: number) => resolve({ bytes, status }))
        })
      })
      expect(result).toEqual({ bytes: mebibyte, status: 3 })
      const closed = once(client, 'close')
      client.end()
      await closed
    })
  })
})

describe('HTTP', () => {
  const world = setUp([], startHttp)

  describePeer(world.peers, 'over HAProxy and the gateway', () => {
    const { hooks, connect } = world
    hooks()

    it('undici: request, fetch, and a kept connection', async () => {
      exercised('undici')
      let dials = 0
      const dispatcher = new Agent({
        connections: 1,
        connect: (_options, callback) => {
          dials++
          const socket = connect()
          socket.once('error', (error) => callback(error, null))
          socket.once('connect', () => callback(null, socket as never))
        },
      })
      const { statusCode, body } = await request('http://db.test/length', {
        method: 'POST',
        body: 'u'.repeat(mebibyte),
        dispatcher,
      })
      expect(statusCode).toBe(200)
      expect(await body.text()).toBe(String(mebibyte))
      const answer = await fetch('http://db.test/length', { dispatcher })
      expect(await answer.text()).toBe('0')
      expect(dials).toBe(1)
      await dispatcher.close()
    })

    it('node:http: an agent that creates tunnels', async () => {
      const agent = new HttpAgent({ keepAlive: false } satisfies AgentOptions)
      agent.createConnection = () => connect() as never
      const sent = get({ host: 'db.test', path: '/length', agent })
      const [response] = (await once(sent, 'response')) as [IncomingMessage]
      let text = ''
      for await (const chunk of response.setEncoding('utf8')) text += chunk
      expect(text).toBe('0')
      agent.destroy()
    })
  })
})

/** A server, the gateway and HAProxy in front of it, and a dialer through both. */
function setUp<Server extends { readonly port: number; stop(): Promise<void> }>(
  peers: readonly PeerName[],
  start: () => Promise<Server>,
) {
  let server: Server
  let stage: Stage
  let balancer: RunningServer
  let dialer: Dialer
  return {
    peers: ['haproxy', ...peers] as readonly PeerName[],
    connect: () => duplex(dialer, { alpn: ['service'] }),
    server: () => server,
    hooks() {
      beforeAll(async () => {
        server = await start()
        stage = await createStage({ service: server.port })
        balancer = await startHaproxy({ upstreamPort: stage.upgradePort, certificate: stage.lbCertificate })
        dialer = stage.dialer(balancer.port)
      })
      afterAll(async () => {
        await dialer?.close()
        await balancer?.stop()
        await stage?.[Symbol.asyncDispose]()
        await server?.stop()
      })
    },
  }
}

/** An HTTP server that answers how long the request's body was. */
async function startHttp(): Promise<{ port: number; stop(): Promise<void> }> {
  const server = createServer((message, response) => {
    let bytes = 0
    message.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    message.on('end', () => response.end(String(bytes)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Count an npm client as a peer. */
function exercised(name: string): void {
  const path = new URL(`../../node_modules/${name}/package.json`, import.meta.url)
  recordExercised(`${name} (npm)`, (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version)
}
