// Handshakes one after the other, each over a connection of its own and to the server's first byte, so that what a server
// sends behind its Finished is paid for by everybody. Trust and identity are loaded once, like node:tls's SecureContext.
import { createCredentials, serverName } from './credentials.js'
import { importRows } from './import.js'
import { startContender, startServer } from './processes.js'
import { alternate, type Bar, type Benchmark, chosen, type Row } from './row.js'

interface Case {
  readonly name: string
  readonly key: 'ecdsa-p256' | 'rsa-2048'
  readonly mutual: boolean
  readonly intermediate: boolean
  readonly maxVersion?: 'TLSv1.2'
  /** Handshakes in one sample. */
  readonly contenders: Readonly<Record<string, number>>
  readonly bar?: Bar
}

const times: Bar = { of: 'times', must: 1.6, aim: 1 }
const faster: Bar = { of: 'speed', must: 1 }

/** For the record: the newest it has is TLS 1.1 with key exchange by RSA and CBC, so its server is another. */
const forge = 'forge.tls'
const forgeServer = {
  minVersion: 'TLSv1.1',
  maxVersion: 'TLSv1.1',
  ciphers: 'AES128-SHA:@SECLEVEL=0',
} as const

const cases: readonly Case[] = [
  {
    name: 'mutual TLS 1.3 handshake, ECDSA, chain of three',
    key: 'ecdsa-p256',
    mutual: true,
    intermediate: true,
    contenders: { underpass: 150, 'node:tls': 150 },
    bar: times,
  },
  {
    name: 'mutual TLS 1.3 handshake, ECDSA',
    key: 'ecdsa-p256',
    mutual: true,
    intermediate: false,
    contenders: { underpass: 150, 'node:tls': 150, 'lemon-tls': 75 },
    bar: times,
  },
  {
    name: 'TLS 1.3 handshake, ECDSA',
    key: 'ecdsa-p256',
    mutual: false,
    intermediate: false,
    contenders: { underpass: 150, 'node:tls': 150, 'lemon-tls': 75, subtls: 75, reclaim: 40 },
  },
  {
    name: 'TLS 1.3 handshake, RSA',
    key: 'rsa-2048',
    mutual: false,
    intermediate: false,
    contenders: { underpass: 150, 'node:tls': 150, 'lemon-tls': 75, subtls: 75, reclaim: 40, [forge]: 40 },
  },
  {
    name: 'TLS 1.2 handshake, ECDSA',
    key: 'ecdsa-p256',
    mutual: false,
    intermediate: false,
    maxVersion: 'TLSv1.2',
    contenders: { underpass: 150, 'node:tls': 150 },
  },
]

export const handshake: Benchmark = {
  name: 'handshake',
  async run(options) {
    const { rounds, quick, say } = options
    const listen = await startServer()
    const rows: Row[] = []
    for (const { name, key, mutual, intermediate, maxVersion, contenders: all, bar } of cases) {
      const contenders = chosen(all, options)
      if (Object.keys(contenders).length < 2) continue
      say(name)
      const { ca, server, client } = await createCredentials(key, intermediate)
      const tls = {
        cert: server.chain,
        key: server.privateKey,
        ...(maxVersion && { maxVersion }),
        ...(mutual && { requestCert: true, rejectUnauthorized: true, ca }),
      }
      const port = await listen({ tls, greet: true })
      const identity = { certificate: client.chain, privateKey: client.privateKey }
      const forgePort =
        forge in contenders ? await listen({ tls: { ...tls, ...forgeServer }, greet: true }) : port
      const setup = { port, serverName, ca, ...(mutual && { identity }), ...(maxVersion && { maxVersion }) }
      const setupOf = (contender: string) => (contender === forge ? { ...setup, port: forgePort } : setup)
      const costs = await measure(contenders, (contender) => startContender(contender, setupOf(contender)), {
        rounds,
        quick,
      })
      for (const against of Object.keys(contenders)) {
        if (against === 'underpass') continue
        const held = against === 'node:tls' ? bar : against === forge ? undefined : faster
        for (const cost of ['cpu', 'wall'] as const)
          rows.push({
            name: `Node ${name}${cost === 'cpu' ? ', CPU' : ''} vs ${against}`,
            unit: 'ms',
            better: 'less',
            ours: costs.underpass!.map((sample) => sample[cost]),
            against,
            yardstick: costs[against]!.map((sample) => sample[cost]),
            ...(against === forge && { note: 'TLS 1.1, RSA key exchange, CBC' }),
            // Over loopback the server's share is most of the wall's time: the bar is on CPU.
            ...(held && (cost === 'cpu' || against !== 'node:tls') && { bar: held }),
          })
      }
    }
    rows.push(...(await resumed(listen, rounds, quick)))
    say('import')
    rows.push(...(await importRows(rounds)))
    return rows
  },
}

async function resumed(
  listen: Awaited<ReturnType<typeof startServer>>,
  rounds: number,
  quick: boolean,
): Promise<Row[]> {
  const { ca, server, client } = await createCredentials()
  const tls = {
    cert: server.chain,
    key: server.privateKey,
    requestCert: true,
    rejectUnauthorized: true,
    ca,
    sessionIdContext: 'bench',
  }
  const port = await listen({ tls, greet: true })
  const identity = { certificate: client.chain, privateKey: client.privateKey }
  const resume = { full: false, first: 'first', resumed: true } as const
  const begin = (contender: string) => {
    const [name, kind] = contender.split(' ') as [string, keyof typeof resume]
    return startContender(name, { port, serverName, ca, identity, resume: resume[kind] })
  }
  const costs = await measure(
    {
      'underpass full': 150,
      'underpass first': 150,
      'underpass resumed': 150,
      'node:tls full': 150,
      'node:tls resumed': 150,
    },
    begin,
    // What the engine compiles meanwhile costs as much as the difference.
    { rounds, quick, warm: 1000 },
  )
  const cpuOf = (contender: string) => costs[contender]!.map(({ cpu }) => cpu)
  const ours = cpuOf('underpass resumed')
  return [
    {
      name: 'Node resumed mutual handshake, CPU vs our full one',
      unit: 'ms',
      better: 'less',
      ours,
      against: 'underpass, full',
      yardstick: cpuOf('underpass full'),
      bar: { of: 'times', must: 0.6 },
    },
    {
      name: 'Node resumed mutual handshake, CPU vs node:tls resumed',
      unit: 'ms',
      better: 'less',
      ours,
      against: 'node:tls',
      yardstick: cpuOf('node:tls resumed'),
    },
    {
      // As node:tls does it: its client asks for tickets with every hello, so its full handshakes are given some.
      name: 'Node resumed mutual handshake, CPU vs our full one that is given tickets',
      unit: 'ms',
      better: 'less',
      ours,
      against: 'underpass, first',
      yardstick: cpuOf('underpass first'),
    },
    {
      name: "Node node:tls's own resumed mutual handshake, CPU vs its full one",
      unit: 'ms',
      better: 'less',
      ours: cpuOf('node:tls resumed'),
      against: 'node:tls',
      yardstick: cpuOf('node:tls full'),
    },
  ]
}

/** Milliseconds for one handshake. */
async function measure(
  contenders: Readonly<Record<string, number>>,
  begin: (contender: string) => ReturnType<typeof startContender>,
  { rounds, quick, warm = 100 }: { readonly rounds: number; readonly quick: boolean; readonly warm?: number },
): Promise<Record<string, Array<{ wall: number; cpu: number }>>> {
  const started = Object.entries(contenders).map(
    async ([contender, full]) =>
      [contender, { run: await begin(contender), count: quick ? 10 : full }] as const,
  )
  const peers = Object.fromEntries(await Promise.all(started))
  return alternate(
    rounds,
    Object.fromEntries(
      Object.entries(peers).map(([contender, { run, count }]) => [
        contender,
        async (round: number) => {
          if (round === 0) await run({ do: 'handshakes', count: quick ? 5 : warm })
          const { wall, cpu } = await run({ do: 'handshakes', count })
          return { wall: wall / count, cpu: cpu / count }
        },
      ]),
    ),
  )
}
