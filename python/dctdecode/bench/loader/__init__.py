"""Loaders measured end to end: from files on disk to batches in memory, beside a consumer that may take its time.

Every loader runs in a process of its own, so that its memory and its processor time can be told from those of
others. All get the same files in the same order with the same crops and flips, except for one that draws its own.
What they give is checked before anything is timed.

- `job`: what all of them have to do
- `contenders`, `pixels`, `foreign`: the table of loaders: ours, RGB by a DataLoader or threads, other frameworks
- `table`: what a row of it is
- `process`: the process of one loader
- `usage`: processor time and memory of a process and its workers
- `measure`: check, then the rounds
- `report`: the table, the JSON record
"""
