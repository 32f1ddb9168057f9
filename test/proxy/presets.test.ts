// Presets against the names that Teleport documents.
import { describe, expect, it } from 'vitest'
import { kubeServerName, mysqlVersionName, preset, presets } from '../../src/presets/index.js'

describe('presets', () => {
  it.each([
    ['postgres', {}, ['teleport-postgres-ping', 'teleport-postgres']],
    ['cockroachdb', {}, ['teleport-postgres-ping', 'teleport-postgres']],
    ['mysql', {}, ['teleport-mysql-ping', 'teleport-mysql']],
    ['mysql', { version: '8.0.35' }, ['teleport-mysql-ping', 'teleport-mysql', 'teleport-mysql-OC4wLjM1']],
    ['clickhouse-http', {}, ['teleport-clickhouse-ping', 'teleport-clickhouse']],
    ['tcp', {}, ['teleport-tcp-ping', 'teleport-tcp']],
    ['ssh', {}, ['teleport-proxy-ssh']],
    ['http', {}, ['http/1.1']],
    ['reversetunnel', {}, ['teleport-reversetunnelv2', 'teleport-reversetunnel']],
  ] as const)('%s with %j', (name, options, alpn) => {
    expect(preset(name, options).alpn).toEqual(alpn)
  })

  it('name an auth service by its cluster in hexadecimal', () => {
    const serverName = '6578616d706c652e636f6d.teleport.cluster.local'
    expect(preset('auth', { cluster: 'example.com' })).toMatchObject({
      alpn: [`teleport-auth@${serverName}`, 'h2'],
      serverName,
    })
    expect(() => preset('auth')).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }))
    expect(() => preset('auth', { cluster: '' })).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }),
    )
  })

  it.each([
    ['kube.example.com', 'kube-teleport-proxy-alpn.kube.example.com'],
    ['localhost', 'kube-teleport-proxy-alpn.teleport.cluster.local'],
    ['127.0.0.1', 'kube-teleport-proxy-alpn.teleport.cluster.local'],
    ['::1', 'kube-teleport-proxy-alpn.teleport.cluster.local'],
    ['', 'kube-teleport-proxy-alpn.teleport.cluster.local'],
  ])('name Kubernetes at %j', (host, name) => {
    expect(kubeServerName(host)).toBe(name)
    expect(preset('kube', { host })).toMatchObject({ serverName: name, alpn: ['http/1.1'] })
  })

  it('put names with ping framing first, and only where it exists', () => {
    for (const { name, of } of presets) {
      const { alpn } = of({ cluster: 'c' })
      const isPing = alpn.map((one) => one.endsWith('-ping'))
      expect([...isPing].sort().reverse(), name).toEqual(isPing)
      expect(new Set(alpn).size).toBe(alpn.length)
    }
    const pinged = presets.filter(({ of }) => of({ cluster: 'c' }).alpn.some((one) => one.endsWith('-ping')))
    expect(pinged.map(({ name }) => name)).not.toEqual(expect.arrayContaining(['ssh']))
  })

  it('refuse a name that is none, and a version that no server has', () => {
    expect(() => preset('postgers')).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }))
    expect(() => mysqlVersionName('8 \n')).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }))
  })
})
