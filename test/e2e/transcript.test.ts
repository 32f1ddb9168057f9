// The main job as a person types it, with clients and load balancers that we did not write: the built command behind HAProxy
// and behind an nginx that passes WebSocket only. UPDATE_DOCS=1 writes what was seen to docs/transcript.md;
// UNDERPASS_PGBENCH_SECONDS=20 lets pgbench run as long as the issue asks.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { open, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Ajv } from 'ajv'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { proxySchema } from '../../src/cli/proxy/json-events.js'
import { projectRoot } from '../structure/source.js'
import { writeCertificate } from '../support/files.js'
import { describePeer } from '../support/peers.js'
import { freePort } from '../support/servers/index.js'
import { openScene, type Running, type Scene } from './transcript-stage.js'

const pgbenchSeconds = Number(process.env.UNDERPASS_PGBENCH_SECONDS ?? 3)
const mebibyte = 1024 * 1024

describePeer(
  [
    'haproxy',
    'nginx',
    'postgresql',
    'psql',
    'pgbench',
    'mariadb',
    'mysql',
    'redis',
    'redis-cli',
    'openssh',
    'ssh',
    'curl',
  ],
  'the transcript',
  () => {
    let scene: Scene
    let idle: Promise<Idle>
    beforeAll(async () => {
      scene = await openScene()
      idle = beginIdle(scene)
      idle.catch(() => {})
    }, 180_000)
    afterAll(async () => {
      if (process.env.UPDATE_DOCS === '1') await writeTranscript(scene)
      await scene?.stop()
    }, 60_000)

    for (const [balancer, title] of [
      ['haproxy', 'Behind HAProxy'],
      ['nginx', 'Behind an nginx that passes WebSocket only'],
    ] as const) {
      it(`databases, ${title.toLowerCase()}`, { timeout: 180_000 }, async () => {
        const [pg, my, redis] = [await freePort(), await freePort(), await freePort()]
        const unixPort = balancer === 'haproxy' ? 5432 : 5433
        scene.heading(title)
        const proxy = await scene.start([
          'proxy',
          '--listen',
          `tcp://127.0.0.1:${pg}?preset=postgres&user=postgres&database=postgres`,
          '--listen',
          `tcp://127.0.0.1:${my}?preset=mysql&user=root&database=test`,
          '--listen',
          `tcp://127.0.0.1:${redis}?preset=redis`,
          '--listen',
          `socket=unix:${join(scene.folder.path, `.s.PGSQL.${unixPort}`)}?preset=postgres`,
          '--spare',
          '2',
          `localhost:${scene[balancer].port}`,
        ])
        await proxy.line(/^psql -h/)
        record(scene, proxy)

        const psql = `psql -h 127.0.0.1 -p ${pg} -U postgres`
        const asked = await scene.sh(`${psql} -Atc "select 'hello through the load balancer', 6 * 7"`)
        expect(asked).toMatchObject({ status: 0, stdout: 'hello through the load balancer|42\n' })
        const printed = proxy.lines.find((line) => line.startsWith("psql 'postgresql://"))!
        expect((await scene.sh(`${printed} -Atc 'select 1'`)).stdout).toBe('1\n')
        const unix = await scene.sh(`psql -h ${scene.folder.path} -p ${unixPort} -U postgres -Atc 'select 2'`)
        expect(unix).toMatchObject({ status: 0, stdout: '2\n' })

        // The notice comes from within the statement: Ctrl-C before it would have nothing to cancel.
        const slow = "do $$ begin raise notice 'running'; perform pg_sleep(60); end $$"
        const cancelled = await scene.sh(`${psql} -c '${slow.replaceAll("'", "'\\''")}'`, {
          signalAfter: /NOTICE: +running/,
        })
        expect(cancelled.stderr).toContain('canceling statement due to user request')

        const bench = `pgbench -h 127.0.0.1 -p ${pg} -U postgres`
        expect((await scene.sh(`${bench} -i -q postgres`)).status).toBe(0)
        const ran = await scene.sh(`${bench} -c 20 -j 2 -T ${pgbenchSeconds} postgres`)
        expect(ran.status).toBe(0)
        expect(ran.stdout).toMatch(/number of failed transactions: 0 /)

        const sql = `mysql --protocol=tcp -h 127.0.0.1 -P ${my} -u root test`
        const told = await scene.sh(`${sql} -Ne "select concat('maria says ', 6 * 7)"`)
        expect(told).toMatchObject({ status: 0, stdout: 'maria says 42\n' })

        await scene.sh(`redis-cli -p ${redis} set greeting hello`)
        expect((await scene.sh(`redis-cli -p ${redis} get greeting`)).stdout).toBe('hello\n')

        expect(await proxy.interrupt()).toBe(0)
        expect(proxy.notes.filter((line) => /refused|broke/.test(line))).toEqual([])
      })

      it(`ssh and scp, ${title.toLowerCase()}`, { timeout: 180_000 }, async () => {
        const origin = `localhost:${scene[balancer].port}`
        const options = `-F none -i id -o UserKnownHostsFile=known_hosts -o BatchMode=yes -o ProxyCommand='underpass connect --preset ssh ${origin}'`
        const { user } = scene.sshd
        const greeted = await scene.sh(`ssh ${options} ${user}@node 'echo hello from $((6 * 7)); exit 3'`)
        expect(greeted).toMatchObject({ status: 3, stdout: 'hello from 42\n' })

        const half = await scene.sh(`underpass connect --preset tcp ${origin}`, { input: 'said, and ended' })
        expect(half).toMatchObject({ status: 0, stdout: 'said, and ended' })
        const wrong = await scene.sh(`underpass connect --alpn nobody ${origin}`, { input: '' })
        expect(wrong).toMatchObject({ status: 6, stdout: '' })

        // The whole of it once, through the load balancer that copies; both ways through each.
        const size = (balancer === 'haproxy' ? 256 : 16) * mebibyte
        const home = scene.folder.path
        await writeRandom(join(home, 'large'), size)
        const there = join(home, `there-${balancer}`)
        expect((await scene.sh(`scp ${options} large ${user}@node:${there}`)).status).toBe(0)
        const sums = await scene.sh(`sha256sum large ${there}`)
        expect(digestsOf(sums.stdout)).toHaveLength(1)
        await writeRandom(join(home, 'smaller'), 16 * mebibyte)
        expect((await scene.sh(`scp ${options} ${user}@node:${home}/smaller back`)).status).toBe(0)
        expect(digestsOf((await scene.sh('sha256sum smaller back')).stdout)).toHaveLength(1)
      })

      it(`curl in every mode, ${title.toLowerCase()}`, { timeout: 120_000 }, async () => {
        const origin = `localhost:${scene[balancer].port}`
        const [socks, connecting, web, web2] = [
          await freePort(),
          await freePort(),
          await freePort(),
          await freePort(),
        ]
        const proxy = await scene.start([
          'proxy',
          '--listen',
          `socks5://127.0.0.1:${socks}`,
          '--listen',
          `connect://127.0.0.1:${connecting}`,
          '--allow',
          'app.internal:80=http/1.1',
          origin,
        ])
        await proxy.line(/^curl --proxytunnel/)
        record(scene, proxy)
        const hello = 'hello over HTTP/1.1\n'
        const bySocks = await scene.sh(
          `curl -sS --socks5-hostname 127.0.0.1:${socks} http://app.internal/hello`,
        )
        expect(bySocks).toMatchObject({ status: 0, stdout: hello })
        const byConnect = await scene.sh(
          `curl -sS --proxytunnel --proxy http://127.0.0.1:${connecting} http://app.internal/hello`,
        )
        expect(byConnect).toMatchObject({ status: 0, stdout: hello })
        const elsewhere = await scene.sh(
          `curl -sS --proxytunnel --proxy http://127.0.0.1:${connecting} http://elsewhere.internal/`,
        )
        expect(elsewhere.status).not.toBe(0)
        expect(elsewhere.stderr).toContain('403')
        const socksDenied = await scene.sh(
          `curl -sS --socks5-hostname 127.0.0.1:${socks} http://elsewhere.internal/`,
        )
        expect(socksDenied.status).toBe(97)
        await proxy.line(/refused: ERR_LOCAL_DENIED/)
        expect(await proxy.interrupt()).toBe(0)

        const http = await scene.start([
          'http',
          '--listen',
          `tcp://127.0.0.1:${web}`,
          '--alpn',
          'http/1.1',
          origin,
        ])
        await http.line(/^http:\/\/127/)
        expect(
          (await scene.sh(`curl -sS http://127.0.0.1:${web}/hello http://127.0.0.1:${web}/hello`)).stdout,
        ).toBe(hello + hello)
        await writeRandom(join(scene.folder.path, 'upload'), 16 * mebibyte)
        const posted = await scene.sh(
          `curl -sS --data-binary @upload -o download http://127.0.0.1:${web}/echo`,
        )
        expect(posted.status).toBe(0)
        expect((await scene.sh('cmp upload download')).status).toBe(0)
        const rebound = await scene.sh(`curl -sS -H 'Host: evil.example' http://127.0.0.1:${web}/hello`)
        expect(rebound.stdout).toContain('ERR_LOCAL_DENIED')
        expect(await http.interrupt()).toBe(0)

        const http2 = await scene.start([
          'http',
          '--listen',
          `tcp://127.0.0.1:${web2}`,
          '--preset',
          'h2',
          origin,
        ])
        await http2.line(/^http:\/\/127/)
        expect((await scene.sh(`curl -sS http://127.0.0.1:${web2}/hello`)).stdout).toBe(
          'hello over HTTP/2.0\n',
        )
        expect(await http2.interrupt()).toBe(0)
      })
    }

    it('an idle tunnel outlives ten times the load balancer’s limit with pings, and is diagnosed without', {
      timeout: 120_000,
    }, async () => {
      const { alive, dying, kept, since } = await idle
      const closed = JSON.parse(await dying.line(/"closed"/))
      expect(closed).toMatchObject({
        event: 'closed',
        error: { code: expect.stringMatching(/^ERR_(WS_ABNORMAL|TLS_TRUNCATED)$/), hint: expect.any(String) },
      })
      await sleep(Math.max(0, since + 10_500 - performance.now()))
      const heard = once(kept, 'data')
      kept.write('still here')
      expect(String((await heard)[0])).toBe('still here')
      expect(alive.lines.some((line) => line.includes('"closed"'))).toBe(false)
      kept.end()
      await alive.line(/"closed"/)

      // Meanwhile somebody logs in again, for five minutes only.
      const brief = await scene.stage.users.issue({
        commonName: 'alice',
        usage: 'client',
        notAfter: new Date(Date.now() + 300_000),
      })
      await writeCertificate(scene.folder, 'alice', brief)
      await alive.line(/"state":"renewed"/)
      await alive.line(/"state":"expiring"/)
      scene.heading(
        'Behind a load balancer that cuts what is silent for a second: with pings (10 s later), without',
      )
      record(scene, alive)
      record(scene, dying)
      expect(await alive.interrupt()).toBe(0)
      expect(await dying.interrupt()).toBe(0)
      const validate = new Ajv({ strict: false }).compile(proxySchema)
      for (const line of [...alive.lines, ...dying.lines]) {
        validate(JSON.parse(line))
        expect(validate.errors, line).toBeNull()
      }
    })

    it('a port in use is refused with its code and status 2', async () => {
      const { port } = scene.haproxy
      const ran = await scene.sh(
        `underpass proxy --listen 'tcp://127.0.0.1:${port}?preset=redis' localhost:${port}`,
      )
      expect(ran.status).toBe(2)
      expect(ran.stderr).toContain('ERR_LOCAL_LISTEN')
    })
  },
)

interface Idle {
  readonly alive: Running
  readonly dying: Running
  /** The client of the proxy that pings. */
  readonly kept: Socket
  /** When both tunnels were open. */
  readonly since: number
}

/** Two clients that say nothing, while the other tests run. */
async function beginIdle(scene: Scene): Promise<Idle> {
  const [pinged, silent] = [await freePort(), await freePort()]
  scene.heading(
    'Two tunnels that are left alone behind a load balancer with an idle limit of one second: see the end',
  )
  const origin = `localhost:${scene.idleHaproxy.port}`
  const listen = (port: number) => [
    'proxy',
    '--json',
    '--listen',
    `tcp://127.0.0.1:${port}?alpn=teleport-tcp`,
  ]
  const alive = await scene.start([...listen(pinged), '--ping-interval', '300ms', origin])
  const dying = await scene.start([...listen(silent), '--ping-interval', '0', origin])
  await Promise.all([alive.line(/"listening"/), dying.line(/"listening"/)])
  const kept = connect(pinged, '127.0.0.1')
  connect(silent, '127.0.0.1').on('error', () => {})
  await Promise.all([alive.line(/"opened"/), dying.line(/"opened"/)])
  return { alive, dying, kept, since: performance.now() }
}

/** The different digests that sha256sum printed. */
function digestsOf(text: string): string[] {
  return [
    ...new Set(
      text
        .trim()
        .split('\n')
        .map((line) => line.split(' ')[0]!),
    ),
  ]
}

function record(scene: Scene, running: Running): void {
  scene.transcript.push(...running.notes, ...running.lines)
}

async function writeRandom(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'w')
  for (let at = 0; at < bytes; at += mebibyte) await file.write(randomBytes(mebibyte))
  await file.close()
}

async function writeTranscript({ transcript, folder, sshd }: Scene): Promise<void> {
  // Neither the machine's folders nor its users are anybody's business.
  const text = transcript
    .join('\n')
    .trim()
    .replaceAll(folder.path, '/home/me')
    .replaceAll(`${sshd.user}@node`, 'me@node')
  await writeFile(join(projectRoot, 'docs/transcript.md'), `${opening}\n\`\`\`text\n${text}\n\`\`\`\n`)
}

const opening = `# Transcript

What \`test/e2e/transcript.test.ts\` saw, printed by \`UPDATE_DOCS=1\`: clients that we did not write, through load balancers that we
did not write. Who is trusted and who we are was said in the environment: UNDERPASS_ORIGIN_TRUST=lb-ca.crt
UNDERPASS_TRUST=host-ca.crt UNDERPASS_CERT=alice.crt UNDERPASS_KEY=alice.key UNDERPASS_SERVER_NAME=gateway.test.
The machine has two cores, which it shared with other work; these are no measurements.
`
