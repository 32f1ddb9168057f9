import { describe, expect, it } from 'vitest'
import { chooseRoute, entryForName } from '../../../src/gateway/routes.js'

const routes = [
  { name: 'any', alpn: ['db', 'db-ping'], serverNames: undefined },
  { name: 'wild', alpn: ['db'], serverNames: ['*.example.test'] },
  { name: 'exact', alpn: ['db'], serverNames: ['a.example.test'] },
  { name: 'web', alpn: ['http/1.1'], serverNames: ['a.example.test'] },
]

function chosen(serverName: string | undefined, ...alpn: string[]): string {
  const choice = chooseRoute(routes, { serverName, alpn })
  return choice.route === undefined ? choice.alert : `${choice.route.name} ${choice.alpn}`
}

describe('chooseRoute', () => {
  it.each([
    ['the exact name', 'a.example.test', ['db'], 'exact db'],
    ['one label under a wildcard', 'b.example.test', ['db'], 'wild db'],
    ['two labels under a wildcard: not that route', 'a.b.example.test', ['db'], 'any db'],
    ['the suffix itself: not that route', 'example.test', ['db'], 'any db'],
    ['no name', undefined, ['db'], 'any db'],
    ["the client's order", 'a.example.test', ['other', 'db-ping', 'db'], 'any db-ping'],
    ['http/1.1 where no protocol is offered', 'a.example.test', [], 'web http/1.1'],
    ['nothing for an unknown protocol', 'a.example.test', ['other'], 'no_application_protocol'],
    ['nothing for a prefix', 'a.example.test', ['d'], 'no_application_protocol'],
    ['nothing for the wrong name', 'b.example.test', ['http/1.1'], 'unrecognized_name'],
    ['nothing where there is no name', undefined, [], 'unrecognized_name'],
  ] as const)('finds %s', (_, serverName, alpn, expected) => {
    expect(chosen(serverName, ...alpn)).toBe(expected)
  })
})

describe('entryForName', () => {
  const table = new Map([
    ['*.example.test', 1],
    ['a.example.test', 2],
  ])

  it.each([
    ['a.example.test', 2],
    ['b.example.test', 1],
    ['example.test', undefined],
    ['localhost', undefined],
    ['.example.test', undefined],
    [undefined, undefined],
  ])('for %s is %s', (name, expected) => {
    expect(entryForName(table, name)).toBe(expected)
  })
})
