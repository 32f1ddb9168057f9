import { describe, expect, it } from 'vitest'
import { addressGroup, clientAddress, forwardedRule } from '../../../src/gateway/forwarded.js'

const peer = '10.0.0.1'

function xff(policy: Parameters<typeof forwardedRule>[0], value: string | undefined, from = peer): string {
  return clientAddress(forwardedRule(policy), { 'x-forwarded-for': value }, from)
}

describe('one hop of X-Forwarded-For', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['203.0.113.7, 192.0.2.1', '192.0.2.1'],
    ['192.0.2.1:4711', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['[2001:db8::1]:4711', '2001:db8::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['unknown', peer],
    ['192.0.2.1, ', peer],
    ['', peer],
    [undefined, peer],
  ])('of %s is %s', (value, address) => {
    expect(xff(true, value)).toBe(address)
  })
})

describe('several hops', () => {
  it.each([
    ['198.51.100.9, 192.0.2.1, 10.0.0.2', '192.0.2.1'],
    ['192.0.2.1, 10.0.0.2', '192.0.2.1'],
    // Fewer entries than proxies of ours: somebody came around one of them.
    ['192.0.2.1', peer],
  ])('of %s is %s', (value, address) => {
    expect(xff({ hops: 2 }, value)).toBe(address)
  })
})

describe('trusted blocks', () => {
  const trusted = ['10.0.0.0/8', '2001:db8:ffff::/48', '192.0.2.250']

  it.each([
    ['203.0.113.7, 10.1.2.3', peer, '203.0.113.7'],
    ['1.1.1.1, 203.0.113.7, 192.0.2.250, 10.1.2.3', peer, '203.0.113.7'],
    ['203.0.113.7, 2001:db8:ffff::2', peer, '203.0.113.7'],
    // All of them ours: the outermost.
    ['10.1.1.1, 10.1.2.3', peer, '10.1.1.1'],
    // What is left of something unreadable is not believed.
    ['203.0.113.7, unknown, 10.1.2.3', peer, '10.1.2.3'],
    // A peer that is none of ours says nothing about anybody.
    ['203.0.113.7', '198.51.100.1', '198.51.100.1'],
    ['203.0.113.7', '::ffff:10.0.0.9', '203.0.113.7'],
  ])('of %s from %s is %s', (value, from, address) => {
    expect(xff({ trusted }, value, from)).toBe(address)
  })

  it.each(['10.0.0.0/33', '10.0.0.0/', 'proxy', '2001:db8::/129'])('may not be %s', (block) => {
    expect(() => forwardedRule({ trusted: [block] })).toThrow(TypeError)
  })
})

describe('Forwarded (RFC 7239)', () => {
  const rule = forwardedRule({ header: 'forwarded', hops: 1 })

  it.each([
    ['for=192.0.2.1', '192.0.2.1'],
    ['For="[2001:db8:cafe::17]:4711"', '2001:db8:cafe::17'],
    ['for=192.0.2.43, for=198.51.100.17;proto=https;by=203.0.113.43', '198.51.100.17'],
    ['proto=https;for="192.0.2.1:80"', '192.0.2.1'],
    ['for="a,b", for=192.0.2.1', '192.0.2.1'],
    ['for=192.0.2.1, proto=https', peer],
    ['for=unknown', peer],
    ['for=_hidden', peer],
    ['by=192.0.2.1', peer],
  ])('of %s is %s', (value, address) => {
    expect(clientAddress(rule, { forwarded: value }, peer)).toBe(address)
  })

  it('is not read where the other header counts', () => {
    expect(clientAddress(forwardedRule(true), { forwarded: 'for=192.0.2.1' }, peer)).toBe(peer)
  })
})

describe('addressGroup', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8::1', '2001:db8:0:0::/64'],
    ['2001:0db8:0001:0002::9', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    // An IPv4 client of a listener for both families: else all of them would be one.
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['unknown', 'unknown'],
  ])('of %s is %s', (address, group) => {
    expect(addressGroup(address)).toBe(group)
  })
})
