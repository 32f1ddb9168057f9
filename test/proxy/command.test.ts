// What people write for `underpass proxy`, and what is printed for them: listeners, rules, connection strings, the watch over
// certificates.
import { describe, expect, it } from 'vitest'
import type { Settings } from '../../src/cli/command.js'
import { allowRules } from '../../src/cli/proxy/allow-rules.js'
import { connectionString } from '../../src/cli/proxy/connection-strings.js'
import { watchIdentities } from '../../src/cli/proxy/identity-watch.js'
import { listenSpecs } from '../../src/cli/proxy/listen-spec.js'
import { failure, type TunnelError } from '../../src/errors.js'
import type { IdentitySource } from '../../src/login/index.js'

function settings(
  lists: Record<string, readonly string[]>,
  tables: Record<string, ReadonlyArray<Record<string, unknown>>> = {},
): Settings {
  return {
    list: (flag: string) => lists[flag] ?? [],
    source: (flag: string) => (lists[flag] ? `--${flag}` : undefined),
    table: (key: string) => tables[key] ?? [],
    folder: '/etc/underpass',
  } as unknown as Settings
}

const listen = (...texts: string[]) => listenSpecs(settings({ listen: texts }))

describe('--listen', () => {
  it.each([
    ['tcp://127.0.0.1:5432', { name: 'tcp', scheme: 'tcp', place: { host: '127.0.0.1', port: 5432 } }],
    [
      'tcp://[::1]:0?preset=postgres',
      { name: 'postgres', preset: 'postgres', place: { host: '::1', port: 0 } },
    ],
    [
      'orders=unix:/run/db.sock?alpn=a,b&alpn=c',
      { name: 'orders', scheme: 'unix', place: { path: '/run/db.sock' }, alpn: ['a', 'b', 'c'] },
    ],
    ['unix:///run/db.sock?alpn=a', { name: 'a', place: { path: '/run/db.sock' } }],
    ['socks5://127.0.0.1:1080', { name: 'socks5', scheme: 'socks5' }],
    [
      'web=connect://localhost:3128',
      { name: 'web', scheme: 'connect', place: { host: 'localhost', port: 3128 } },
    ],
    [
      'tcp://127.0.0.1:1?server-name=x&user=me&database=d%26b&speaks=postgres',
      { serverName: 'x', user: 'me', database: 'd&b', speaks: 'postgres' },
    ],
  ])('takes %s', (text, spec) => {
    expect(listen(text)[0]).toMatchObject(spec)
  })

  it.each([
    ['127.0.0.1:5432'],
    ['udp://127.0.0.1:53'],
    ['tcp://127.0.0.1'],
    ['tcp://127.0.0.1:65536'],
    ['tcp://127.0.0.1:1/path'],
    ['unix:'],
    ['tcp://127.0.0.1:1?speaks=smtp'],
  ])('refuses %s', (text) => {
    expect(() => listen(text)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }))
  })

  it('suggests the key that was meant, and wants names to differ', () => {
    expect(() => listen('tcp://127.0.0.1:1?presett=x')).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_INVALID', hint: expect.stringContaining('`preset`') }),
    )
    expect(() => listen('tcp://127.0.0.1:1', 'tcp://127.0.0.1:2')).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }),
    )
  })

  it('is [[listen]] in a file, with paths relative to it', () => {
    const table = {
      name: 'orders',
      on: 'tcp://127.0.0.1:5432',
      alpn: ['a', 'b'],
      serverName: 'x',
      cert: 'me.pem',
      key: '/abs/me.key',
    }
    expect(listenSpecs(settings({}, { listen: [table] }))[0]).toMatchObject({
      name: 'orders',
      alpn: ['a', 'b'],
      serverName: 'x',
      cert: '/etc/underpass/me.pem',
      key: '/abs/me.key',
    })
    for (const wrong of [{ on: 'tcp://127.0.0.1:1', allpn: 'x' }, { name: 'no place' }, { on: 5 }])
      expect(() => listenSpecs(settings({}, { listen: [wrong] }))).toThrow(
        expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }),
      )
  })
})

describe('--allow', () => {
  it.each([
    [
      'db.internal:5432=postgres',
      { host: 'db.internal', port: 5432, target: { alpn: ['teleport-postgres-ping', 'teleport-postgres'] } },
    ],
    [
      '*.apps.internal=http/1.1@{host}',
      { host: '*.apps.internal', target: { alpn: ['http/1.1'], serverName: '{host}' } },
    ],
    [
      '*.k8s.internal=kube',
      {
        host: '*.k8s.internal',
        target: { alpn: ['http/1.1'], serverName: 'kube-teleport-proxy-alpn.proxy.test' },
      },
    ],
    ['[fd00::1]:80=one,two', { host: 'fd00::1', port: 80, target: { alpn: ['one', 'two'] } }],
  ])('takes %s', (text, rule) => {
    expect(allowRules(settings({ allow: [text] }), 'proxy.test')[0]).toEqual(rule)
  })

  it('is [[allow]] in a file', () => {
    const allow = [{ host: 'db.internal', port: 5432, preset: 'redis', 'server-name': 'x' }]
    expect(allowRules(settings({}, { allow }), 'proxy.test')[0]).toEqual({
      host: 'db.internal',
      port: 5432,
      target: { alpn: ['teleport-redis-ping', 'teleport-redis'], serverName: 'x' },
    })
  })

  it.each([['db.internal'], ['=x'], ['a:b=c']])('refuses %s', (text) => {
    expect(() => allowRules(settings({ allow: [text] }), 'proxy.test')).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }),
    )
  })
})

describe('what is printed to type', () => {
  const tcp = { listener: 'x', host: '127.0.0.1', port: 5432 }
  it.each([
    ['psql', tcp, "psql 'postgresql://me%40x@127.0.0.1:5432/my%20db?sslmode=disable'"],
    [
      'psql',
      { listener: 'x', path: "/run/it's/.s.PGSQL.6000" },
      "psql -h '/run/it'\\''s' -p 6000 -U me@x -d 'my db'",
    ],
    ['psql', { listener: 'x', path: '/run/other' }, undefined],
    ['mysql', tcp, "mysql --protocol=tcp -h 127.0.0.1 -P 5432 -u me@x 'my db'"],
    ['redis-cli', { listener: 'x', path: '/r' }, 'redis-cli -s /r --user me@x'],
    [
      'mongosh',
      { ...tcp, host: '::1' },
      "mongosh 'mongodb://me%40x@[::1]:5432/my%20db?directConnection=true'",
    ],
    ['ssh', tcp, 'ssh -p 5432 me@x@127.0.0.1'],
    ['curl', tcp, 'curl http://127.0.0.1:5432/'],
  ] as const)('for %s at %j', (client, at, text) => {
    expect(connectionString({ client, scheme: 'tcp', user: 'me@x', database: 'my db' }, at)).toBe(text)
  })

  it('for a shell, whatever the names hold', () => {
    const names = { scheme: 'tcp', user: "o'brien", database: "it's" } as const
    expect(connectionString({ client: 'psql', ...names }, tcp)).toBe(
      `psql 'postgresql://o'\\''brien@127.0.0.1:5432/it'\\''s?sslmode=disable'`,
    )
    expect(connectionString({ client: 'mongosh', ...names }, tcp)).toContain(`//o'\\''brien@`)
    expect(connectionString({ client: 'mongosh', scheme: 'unix' }, { listener: 'a', path: "/o'b" })).toBe(
      `mongosh 'mongodb://%2Fo'\\''b/'`,
    )
  })

  it('for SOCKS5 and CONNECT, with a name that is allowed', () => {
    const example = { host: 'db.internal', port: 80 }
    expect(connectionString({ client: undefined, scheme: 'socks5', example }, tcp)).toBe(
      'curl --socks5-hostname 127.0.0.1:5432 http://db.internal:80/',
    )
    expect(connectionString({ client: undefined, scheme: 'connect', example }, tcp)).toContain(
      '--proxytunnel',
    )
  })
})

describe('the watch over certificates', () => {
  it('warns once before the end, once at it, and tells renewals and failures', () => {
    let expires = 1_000_000
    let changed: (error?: TunnelError) => void = () => {}
    let stopped = 0
    const source = {
      get expires() {
        return expires
      },
      watch(listener: typeof changed) {
        changed = listener
        return { [Symbol.dispose]: () => void stopped++ }
      },
    } as unknown as IdentitySource
    let now = 0
    const told: string[] = []
    const watch = watchIdentities([source, source], { before: 600_000, now: () => now }, (news) =>
      told.push('error' in news ? news.error.code : news.state),
    )
    expect(told).toEqual([])
    now = 500_000
    changed(failure('ERR_CONFIG_IDENTITY'))
    changed(failure('ERR_CONFIG_IDENTITY'))
    expect(told.splice(0)).toEqual(['ERR_CONFIG_IDENTITY', 'expiring', 'ERR_CONFIG_IDENTITY'])
    now = 1_000_000
    changed(failure('ERR_CONFIG_IDENTITY'))
    expect(told.splice(0)).toEqual(['ERR_CONFIG_IDENTITY', 'expired'])
    expires = 9_000_000
    changed()
    expect(told).toEqual(['renewed'])
    watch[Symbol.dispose]()
    expect(stopped).toBe(1)
  })
})
