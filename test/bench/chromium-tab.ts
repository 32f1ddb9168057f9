// A tab of the benchmarks' Chromium that is only told what to run. Playwright watches the network of every page of its own:
// the browser then tells it each message of a WebSocket, in base64, which took more than half of the time of a transfer.
import type { Browser } from 'playwright'

export interface Tab {
  /** As Playwright's. */
  evaluate<Given, Result>(body: (given: Given) => Promise<Result>, given: Given): Promise<Result>
  collectGarbage(): Promise<void>
  close(): Promise<void>
}

interface Answer {
  readonly id: number
  readonly result?: {
    readonly result?: { readonly value?: unknown }
    readonly exceptionDetails?: { readonly exception?: { readonly description?: string } }
  }
  readonly error?: { readonly message: string }
}

/** In a profile of its own, when its script has set `globalThis.inPage`. */
export async function openTab(browser: Browser, url: string): Promise<Tab> {
  const session = await browser.newBrowserCDPSession()
  const waiting = new Map<number, (answer: Answer) => void>()
  session.on('Target.receivedMessageFromTarget', ({ message }) => {
    const answer = JSON.parse(message) as Answer
    waiting.get(answer.id)?.(answer)
    waiting.delete(answer.id)
  })
  // A context that Playwright did not make is one that it leaves alone.
  const { browserContextId } = await session.send('Target.createBrowserContext')
  const { targetId } = await session.send('Target.createTarget', { url, browserContextId })
  const { sessionId } = await session.send('Target.attachToTarget', { targetId })

  let sent = 0
  async function send(method: string, params: object = {}): Promise<NonNullable<Answer['result']>> {
    const id = ++sent
    const answered = new Promise<Answer>((resolve) => waiting.set(id, resolve))
    const message = JSON.stringify({ id, method, params })
    await session.send('Target.sendMessageToTarget', { sessionId, message })
    const { result = {}, error } = await answered
    const thrown = error?.message ?? result.exceptionDetails?.exception?.description
    if (thrown !== undefined) throw new Error(`${method}: ${thrown}`)
    return result
  }

  async function run(expression: string): Promise<unknown> {
    const { result } = await send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })
    return result?.value
  }

  // While it is on its way to the address there is nothing that could answer.
  const isReady = () => run('globalThis.inPage !== undefined').catch(() => false)
  for (let tries = 0; (await isReady()) !== true; tries++) {
    if (tries === 500) throw new Error(`${url} did not load`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return {
    evaluate: async <Given, Result>(body: (given: Given) => Promise<Result>, given: Given) =>
      (await run(`(${body})(${JSON.stringify(given)})`)) as Result,
    collectGarbage: async () => void (await send('HeapProfiler.collectGarbage')),
    async close() {
      await session.send('Target.disposeBrowserContext', { browserContextId })
      await session.detach()
    },
  }
}
