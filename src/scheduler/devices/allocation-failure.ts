/** Thrown where a claim, a class or a pool is at fault, so that trying another node is no use. */
export class AllocationFailure extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'AllocationFailure'
  }
}
