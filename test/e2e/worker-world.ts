// From a page to a service the whole way: Chromium, the real Worker in workerd, HAProxy or nginx, the gateway. On both sides
// of the Worker runs a relay that can lose the network.
import type { Page } from 'playwright'
import { expect } from 'vitest'
import type { GatewayEvent } from '../../src/gateway/index.js'
import { type FragileRelay, startFragileRelay } from '../support/fragile-relay.js'
import type { DialRequest, Outcome } from '../support/page/in-page.js'
import { type PageLab, startPageLab } from '../support/page/index.js'
import { type Sink, startSink } from '../support/page/sink.js'
import { type Source, startSource } from '../support/page/source.js'
import { startHaproxy, startNginx } from '../support/servers/index.js'
import { type Service, startEcho } from '../support/services.js'
import { createStage, innerName, type Stage } from '../support/stage.js'
import { bundleWorker, type RunningWorker, startWorker, ticketKey, token } from '../worker/support.js'

export const balancers = ['haproxy', 'nginx'] as const
export type Balancer = (typeof balancers)[number]
export const relays = ['counted', 'native'] as const
export type RelayKind = (typeof relays)[number]

/** How the gateway names it when a client is gone, by what it was doing just then. */
export const lost: RegExp = /^ERR_(STREAM_RESET|TLS_TRUNCATED|WS_ABNORMAL)$/

export interface WorkerWorld extends AsyncDisposable {
  readonly stage: Stage
  readonly lab: PageLab
  readonly worker: RunningWorker
  readonly source: Source
  readonly sink: Sink
  /** Between the page and the Worker. */
  readonly near: FragileRelay
  /** Between the Worker and a load balancer. */
  readonly far: Readonly<Record<Balancer, FragileRelay>>
  /** A tunnel as alice, by a ticket that the page fetched from the Worker as a page of another origin does. */
  dial(page: Page, way: Way, more?: Partial<DialRequest>): Promise<Outcome>
  /** Resolves with what the gateway tells of such a type from event number `from` on. */
  told<Type extends GatewayEvent['type']>(
    from: number,
    type: Type,
  ): Promise<Extract<GatewayEvent, { readonly type: Type }>>
  /** Resolves with the Worker's line about a tunnel, from line number `from` on. */
  logged(from: number): Promise<Readonly<Record<string, unknown>>>
  /** Resolves when no tunnel is left at the gateway, and no connection of the Worker to a load balancer. */
  tunnelsGone(): Promise<void>
  /** The same, and no connection of a page either: its profile was closed. */
  nothingLeft(): Promise<void>
}

export interface Way {
  readonly balancer: Balancer
  readonly relay: RelayKind
}

export interface WorkerWorldOptions {
  /** Bytes that the service `source` pours out. */
  readonly sourceBytes?: number
  readonly pingInterval?: number
  /** The Worker's LIMITS. */
  readonly limits?: object
}

// A busy machine takes its time; what is awaited comes or the test fails.
const patience = { timeout: 30_000, interval: 20 }

export async function createWorkerWorld(options: WorkerWorldOptions = {}): Promise<WorkerWorld> {
  const stop: Array<() => unknown> = []
  const kept = <T extends { stop(): unknown } | AsyncDisposable>(thing: T): T => {
    stop.push(() => ('stop' in thing ? thing.stop() : thing[Symbol.asyncDispose]()))
    return thing
  }
  const dispose = async () => {
    for (const each of stop.splice(0).reverse()) await each()
  }
  try {
    const bundling = bundleWorker()
    const [echo, source, sink]: [Service, Source, Sink] = [
      kept(await startEcho()),
      kept(await startSource(options.sourceBytes)),
      kept(await startSink()),
    ]
    const routes = { echo: echo.port, source: source.port, sink: sink.port }
    const stage = kept(
      await createStage(routes, options.pingInterval ? { pingInterval: options.pingInterval } : {}),
    )
    const front = { upstreamPort: stage.upgradePort, certificate: stage.lbCertificate, webSocketOnly: true }
    const lab = kept(await startPageLab())
    const far = {
      haproxy: kept(await startFragileRelay(kept(await startHaproxy(front)).port)),
      nginx: kept(await startFragileRelay(kept(await startNginx(front)).port)),
    }
    const targets = balancers.flatMap((balancer) =>
      relays.map((relay) => [
        `${balancer}-${relay}`,
        { origin: `https://localhost:${far[balancer].port}`, doors: ['tunnel'], relay },
      ]),
    )
    const bindings = {
      ALLOWED_ORIGINS: `http://127.0.0.1:${lab.port}`,
      TOKENS: JSON.stringify({ tester: token }),
      TICKET_KEY: ticketKey,
      TARGETS: Object.fromEntries(targets),
      LIMITS: options.limits ?? {},
    }
    const worker = kept(await startWorker(await bundling, bindings, { authorities: stage.web.certificate }))
    const near = kept(await startFragileRelay(Number(new URL(worker.url).port)))
    const origin = `http://127.0.0.1:${near.port}`
    const tunnels = () => ({
      gateway: stage.gateway.stats().tunnels,
      far: far.haproxy.open + far.nginx.open,
    })
    return {
      stage,
      lab,
      worker,
      source,
      sink,
      near,
      far,
      async dial(page, { balancer, relay }, more = {}) {
        const path = await page.evaluate(ticketPath, {
          url: `${origin}/tunnel/${balancer}-${relay}/ticket`,
          token,
        })
        const request: DialRequest = {
          origin,
          path,
          trust: stage.host.certificate,
          serverName: innerName,
          alpn: ['echo'],
          identity: { pem: { certificate: stage.alice.chain, privateKey: stage.alice.privateKey } },
          ...more,
        }
        return page.evaluate((wanted) => inPage.dial(wanted), request)
      },
      async told(from, type) {
        const find = () => stage.events.slice(from).find((event) => event.type === type)
        await expect.poll(find, patience).toBeDefined()
        return find() as never
      },
      async logged(from) {
        const find = () => worker.log.slice(from).find(({ event }) => event === 'tunnel')
        await expect.poll(find, patience).toBeDefined()
        return find()!
      },
      tunnelsGone: () => expect.poll(tunnels, patience).toEqual({ gateway: 0, far: 0 }),
      nothingLeft: () =>
        expect
          .poll(() => ({ ...tunnels(), near: near.open }), patience)
          .toEqual({ gateway: 0, far: 0, near: 0 }),
      [Symbol.asyncDispose]: dispose,
    }
  } catch (error) {
    await dispose()
    throw error
  }
}

/** Runs in the page. */
async function ticketPath({ url, token }: { url: string; token: string }): Promise<string> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}` },
  })
  return ((await response.json()) as { path: string }).path
}
