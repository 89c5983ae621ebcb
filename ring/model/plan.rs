//! The choices of an execution of the crash model: how many there may be, those made, the next
//! ones.

/// How much may happen in one execution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Times that a process that could go on is made to wait for another.
    pub(crate) preemptions: u32,
    /// Times that another than the first goes on where one has to wait or has ended.
    pub(crate) switches: u32,
    /// Processes that die.
    pub(crate) crashes: u32,
    /// Processes that stop until all others have nothing left to do.
    pub(crate) pauses: u32,
    /// Whether two processes of one kind may die.
    pub(crate) same_twice: bool,
}

impl Limits {
    /// With another number of switches.
    pub(crate) const fn switches(self, switches: u32) -> Self {
        Self { switches, ..self }
    }
}

/// How the executions are chosen.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mode {
    /// All of them.
    Exhaustive,
    /// `runs` of them, drawn from a seed; a choice other than going on is made once in `rarity`
    /// steps.
    Random { runs: u64, seed: u64, rarity: u64 },
}

/// The choices of an execution: those to repeat, then new ones.
#[derive(Debug)]
pub(super) struct Plan {
    mode: Mode,
    path: Vec<(u16, u16)>,
    depth: usize,
    random: u64,
}

impl Plan {
    /// Before the first execution.
    pub(super) fn new(mode: Mode) -> Self {
        let mut plan = Self {
            mode,
            path: Vec::new(),
            depth: 0,
            random: 0,
        };
        plan.advance(0);
        plan
    }

    /// The same execution again.
    pub(super) fn rewind(&mut self) {
        self.depth = 0;
    }

    /// One of `count` choices; 0 is "go on".
    pub(super) fn choose(&mut self, count: u16, ordinary: bool) -> u16 {
        if count <= 1 {
            return 0;
        }
        let choice = match self.path.get(self.depth) {
            Some((choice, of)) => {
                assert_eq!(*of, count, "the model is not deterministic");
                *choice
            }
            None => {
                let choice = self.new_choice(count, ordinary);
                self.path.push((choice, count));
                choice
            }
        };
        self.depth += 1;
        choice
    }

    fn new_choice(&mut self, count: u16, ordinary: bool) -> u16 {
        let Mode::Random { rarity, .. } = self.mode else {
            return 0;
        };
        if ordinary {
            // Where a process must go on, the one that does is drawn evenly.
            (self.draw() % u64::from(count)) as u16
        } else if self.draw().is_multiple_of(rarity) {
            1 + (self.draw() % u64::from(count - 1)) as u16
        } else {
            0
        }
    }

    /// splitmix64.
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The next execution; `false` after the last.
    pub(super) fn advance(&mut self, run: u64) -> bool {
        self.depth = 0;
        match self.mode {
            Mode::Random { runs, seed, .. } => {
                self.path.clear();
                self.random = seed.wrapping_add(run << 20);
                run < runs
            }
            Mode::Exhaustive => {
                while let Some((choice, of)) = self.path.pop() {
                    if choice + 1 < of {
                        self.path.push((choice + 1, of));
                        return true;
                    }
                }
                false
            }
        }
    }
}
