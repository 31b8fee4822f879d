/** Which objects of one kind have changed for each object of `for`, since that was last visited; so a visit need not look at all of them. */
export class ChangeNotes {
  #noted = new Map<string, Set<string>>()

  /** Nothing is noted for owners that have never been asked about: their first look is at everything. */
  note(owner: string, member: string): void {
    this.#noted.get(owner)?.add(member)
  }

  /** Keys noted since the last time; undefined the first time. */
  take(owner: string): ReadonlySet<string> | undefined {
    const noted = this.#noted.get(owner)
    if (noted?.size !== 0) this.#noted.set(owner, new Set())
    return noted
  }

  forget(owner: string): void {
    this.#noted.delete(owner)
  }
}
