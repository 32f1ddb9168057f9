// Faults on both sides of real load balancers.
import { expect, it } from 'vitest'
import { describePeer } from '../support/peers.js'
import { startHaproxy, startNginx } from '../support/servers/index.js'
import { proxyCases, runProxies } from './proxies.js'

for (const [peer, start] of [
  ['haproxy', startHaproxy],
  ['nginx', startNginx],
] as const)
  describePeer(peer, `faults around ${peer}`, () => {
    it('never make a tunnel lie', async () => {
      const cases = proxyCases()
      const results = await runProxies(start, cases)
      expect(results.filter(({ violation }) => violation !== undefined)).toEqual([])
      expect(results).toHaveLength(cases.length)
      expect(results.filter(({ end }) => end === 'whole').length).toBeGreaterThan(cases.length / 4)
    }, 120_000)
  })
