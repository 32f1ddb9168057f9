import { describe, expect, it } from 'vitest'
import { upgradeOverride } from '../../../src/dial/override.js'

const address = { host: 'proxy.example.com', port: 443 }

describe('the override grammar', () => {
  it.each([
    // As Teleport reads them.
    [undefined, undefined],
    ['', undefined],
    ['true', true],
    ['YES', true],
    ['Yeah', true],
    ['on', true],
    ['0', false],
    ['nope', false],
    ['off', false],
    ['nonsense', false],
    ['proxy.example.com:443=yes,b.example.com:443=no', true],
    ['b.example.com:443=yes,proxy.example.com:443=no', false],
    ['0;proxy.example.com:443=1', true],
    ['proxy.example.com:443=0;true', false],
    ['true,false', false],
    ['false;yes;what', true],
    ['proxy.example.com:443=maybe', false],
    ['true;proxy.example.com:443=maybe', false],
    [';;,', false],
    ['proxy.example.com:443=no;proxy.example.com:443=yes', false],
    ['proxy.example.com:3080=yes', false],
    // Forgiven here.
    ['   ', undefined],
    [' true ', true],
    ['proxy.example.com = yes , false', true],
    ['proxy.example.com=yes', true],
    ['PROXY.example.com:443=on', true],
    ['*.example.com=yes', true],
    ['*.proxy.example.com=yes', false],
    // Teleport's substring search would say yes.
    ['a.proxy.example.com:443=yes', false],
  ])('%j says %j', (text, verdict) => {
    expect(upgradeOverride(text, address)).toBe(verdict)
  })

  it('knows IPv6 addresses with and without brackets', () => {
    const six = { host: '::1', port: 8443 }
    expect(upgradeOverride('[::1]:8443=yes', six)).toBe(true)
    expect(upgradeOverride('[::1]=yes', six)).toBe(true)
    expect(upgradeOverride('::1=yes', six)).toBe(true)
    expect(upgradeOverride('[::1]:443=yes', six)).toBe(false)
  })
})
