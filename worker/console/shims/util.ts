// Node's `util`, as far as the PostgreSQL client goes.

export function deprecate<Task>(task: Task): Task {
  return task
}

export function inherits(child: { prototype: object }, parent: { prototype: object }): void {
  Object.setPrototypeOf(child.prototype, parent.prototype)
}

export function inspect(value: unknown): string {
  return String(value)
}

export const inspectCustom: symbol = Symbol.for('nodejs.util.inspect.custom')

export function isDate(value: unknown): boolean {
  return value instanceof Date
}
