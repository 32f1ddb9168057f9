// The four functions of the metadata proposal that @peculiar/x509's container asks for, so that tests need no polyfill
// package. Import before it.
type Metadata = Map<unknown, unknown>

const store = new WeakMap<object, Metadata>()

Object.assign(Reflect, {
  getOwnMetadata: (key: unknown, target: object) => store.get(target)?.get(key),
  getMetadata(key: unknown, target: object): unknown {
    for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at))
      if (store.get(at)?.has(key)) return store.get(at)?.get(key)
    return undefined
  },
  defineMetadata(key: unknown, value: unknown, target: object): void {
    if (!store.has(target)) store.set(target, new Map())
    store.get(target)!.set(key, value)
  },
  metadata: (key: unknown, value: unknown) => (target: object) => {
    if (!store.has(target)) store.set(target, new Map())
    store.get(target)!.set(key, value)
  },
})
