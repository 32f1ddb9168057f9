// Blindfolds for the table of bad clients: one check of the gateway at a time does not look. The rows that it is there for must
// then come out otherwise, or they would hold without it.
import { afterEach, expect, it, vi } from 'vitest'
import { certificateFaults } from './certificate-faults.js'
import type { ClientFault } from './fault.js'
import { formFaults } from './hello-faults.js'
import { openFaults } from './record-faults.js'

afterEach(() => {
  vi.doUnmock('node:tls')
  for (const file of ['policy', 'handshake', 'client-hello']) vi.doUnmock(`../../../src/gateway/${file}.js`)
  vi.resetModules()
})

/** A part of a module replaced, for what is imported from now on. */
function blind<Module extends object>(file: string, change: (real: Module) => Partial<Module>): void {
  vi.doMock(file, async (original) => {
    const real = await original<Module>()
    return { ...real, ...change(real) }
  })
}

/** What a gateway tells of each of these rows. */
async function told(rows: readonly ClientFault[]): Promise<readonly (readonly string[])[]> {
  const { createWorld } = await import('./stage.js')
  const world = await createWorld()
  try {
    const outcomes: (readonly string[])[] = []
    for (const { script = {}, act } of rows) {
      const made = typeof script === 'function' ? await script(world) : script
      outcomes.push((await world.watch(() => world.meet(made, act))).told)
    }
    return outcomes
  } finally {
    await world.close()
  }
}

const admitAll = () =>
  blind<typeof import('../../../src/gateway/policy.js')>('../../../src/gateway/policy.js', () => ({
    admitClient: () => undefined as never,
  }))

const policy = certificateFaults.filter(({ what }) => what === 'a client that the route does not allow')
const chains = certificateFaults.filter(
  ({ code, alert, what }) => code === 'ERR_GATEWAY_DENIED' && alert === undefined && !/route/.test(what),
)
const large = formFaults.filter(({ what }) => what === 'a hello of 20 000 bytes over many records')
const truncated = openFaults.filter(({ what }) => what === 'FIN without close_notify')

it('seeing, the rows are as the table says', async () => {
  const rows = [...policy, ...chains.slice(0, 3), ...large, ...truncated]
  expect(rows).toHaveLength(6)
  expect(await told(rows)).toEqual(rows.map(({ code }) => [code]))
})

it('nobody asks whom the route allows', async () => {
  admitAll()
  expect(await told(policy)).toEqual([['ok']])
})

it('nobody verifies certificates', async () => {
  admitAll()
  blind<typeof import('node:tls')>('node:tls', ({ createServer }) => ({
    createServer: ((options: object) => createServer({ ...options, rejectUnauthorized: false })) as never,
  }))
  expect(chains.length).toBeGreaterThan(8)
  for (const [i, codes] of (await told(chains)).entries())
    expect([chains[i]!.what, ...codes]).toEqual([chains[i]!.what, 'ok'])
})

it('nobody counts the bytes of a ClientHello', async () => {
  blind<typeof import('../../../src/gateway/client-hello.js')>(
    '../../../src/gateway/client-hello.js',
    ({ peekClientHello }) => ({ peekClientHello: (stream) => peekClientHello(stream, 2 ** 20) }),
  )
  expect(await told(large)).toEqual([['ok']])
})

it('nobody tells a bare end from close_notify', async () => {
  blind<typeof import('../../../src/gateway/handshake.js')>(
    '../../../src/gateway/handshake.js',
    ({ acceptTls }) => ({
      acceptTls: (server, carrier) =>
        acceptTls(server, Object.assign(carrier, { prependOnceListener: () => carrier })),
    }),
  )
  expect(await told(truncated)).toEqual([['ok']])
})
