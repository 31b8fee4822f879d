/** What is wrong with an application, and what to do next. */
export class ApplicationError extends Error {
  readonly next: readonly string[]

  constructor(message: string, next: readonly string[] = [], options?: ErrorOptions) {
    super(message, options)
    this.next = next
  }
}
