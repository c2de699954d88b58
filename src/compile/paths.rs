//! The names under which requests give attributes: members of objects, one inside the other where a name has dots.

use super::names::{Names, TooLarge};
use crate::check::vocabulary::{AttrId, Owner, Vocabulary, builtin};

/// The attributes by the names of members.
#[derive(Debug, Clone, Default)]
pub(crate) struct Paths {
    /// Members with the attributes that they are, tagged with the places that they are in.
    members: Names<Option<AttrId>>,
}

/// Where members may be: the attributes of an owner, or inside a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place(u32);

/// Members come after the owners.
const OWNERS: u32 = 4;

impl From<Owner> for Place {
    fn from(owner: Owner) -> Self {
        Self(match owner {
            Owner::Principal => 0,
            Owner::Resource => 1,
            Owner::Action => 2,
            Owner::Context => 3,
        })
    }
}

impl Paths {
    /// The paths of all attributes that requests may give.
    ///
    /// # Errors
    /// Where there are more than their numbers hold.
    pub(crate) fn new(vocabulary: &Vocabulary) -> Result<Self, TooLarge> {
        let mut members: Names<Option<AttrId>> = Names::default();
        for (attr, row) in vocabulary.attributes.pairs().filter(|(attr, _)| !builtin::ALWAYS_GIVEN.contains(attr)) {
            let mut place = Place::from(row.owner);
            for name in row.name.split('.') {
                place = Place(members.add(place.0, name)?.saturating_add(OWNERS));
            }
            if let Some(held) = place.0.checked_sub(OWNERS).and_then(|member| members.home_mut(member)) {
                *held = Some(attr);
            }
        }
        Ok(Self { members })
    }

    /// How many bytes they take.
    pub(crate) fn bytes(&self) -> usize {
        self.members.bytes()
    }

    /// A member of a place, if an attribute's path leads there.
    #[inline]
    pub(crate) fn member(&self, place: Place, name: &str) -> Option<Place> {
        self.members.find(place.0, name).map(|member| Place(member.saturating_add(OWNERS)))
    }

    /// The attribute whose path ends at a place.
    #[inline]
    pub(crate) fn attribute(&self, place: Place) -> Option<AttrId> {
        *self.members.home(place.0.checked_sub(OWNERS)?)?
    }
}
