//! A shop: one connection's product, with any number of buyers and dimensions, each dimension fed by a SUM metric of its own
//! name. Several shops may stand in one scene.

use std::fmt::Write as _;

use sandbox::aws::metering::{Identity, Subscription};
use sandbox::world::REGION;

use crate::scene::{ACCOUNT, Scene, at};

pub(crate) struct Shop {
    /// The connection's id.
    pub(crate) id: &'static str,
    /// The Metronome customer of each buyer.
    pub(crate) customers: Vec<String>,
    /// The metric and the dimension of each.
    pub(crate) metrics: Vec<(String, String)>,
}

impl Shop {
    /// Opens a shop with its product at the marketplace, and applies its connection.
    pub(crate) async fn open(scene: &Scene, id: &'static str, buyers: usize, dimensions: &[&str]) -> Self {
        let shop = Self::found(scene, id, buyers, dimensions);
        scene.apply(&shop.file()).await;
        shop
    }

    /// The same, the connection not applied yet.
    pub(crate) fn found(scene: &Scene, id: &'static str, buyers: usize, dimensions: &[&str]) -> Self {
        let shop = Self {
            id,
            customers: (0..buyers)
                .map(|buyer| scene.customer(&format!("{id} {buyer}")))
                .collect(),
            metrics: dimensions
                .iter()
                .map(|name| (scene.sum(name), (*name).to_owned()))
                .collect(),
        };
        scene.world.metronome.add_token(&shop.token());
        let secret = format!(r#"{{"metronome_token": "{}"}}"#, shop.token());
        scene.world.secrets.put(&shop.secret(), &secret);
        scene.world.metering.add_product(id, dimensions);
        for buyer in 0..buyers {
            let from = at("2026-01-01T00:00:00Z");
            scene
                .world
                .metering
                .subscribe(Subscription::new(id, shop.identity(buyer), from));
        }
        shop
    }

    /// The connection file.
    pub(crate) fn file(&self) -> String {
        let mut file = format!(
            "id = {:?}\nsecret = {:?}\nbilling_mode = \"quantity\"\n\n\
             [metronome]\nbase_url = \"https://api.metronome.com\"\n",
            self.id,
            self.secret()
        );
        for (metric, dimension) in &self.metrics {
            write!(file, "\n[[conversion]]\nfrom = {metric:?}\nto = {dimension:?}\n").unwrap();
        }
        for (buyer, customer) in self.customers.iter().enumerate() {
            let (id, arn) = (self.buyer(buyer), self.license(buyer));
            write!(
                file,
                "\n[[buyer]]\nid = {id:?}\ncustomer_id = {customer:?}\nbill_from = \"start\"\n\
                 starts_at = 2026-11-01T00:00:00Z\n\
                 aws = {{ product = {:?}, account_id = {ACCOUNT:?}, license_arn = {arn:?}, region = {REGION:?} }}\n",
                self.id
            )
            .unwrap();
        }
        file
    }

    /// The Metronome token of this shop alone.
    pub(crate) fn token(&self) -> String {
        format!("tok_{}_4f1c", self.id)
    }

    /// The name of its secret.
    pub(crate) fn secret(&self) -> String {
        format!("meterbridge/{}", self.id)
    }

    pub(crate) fn buyer(&self, buyer: usize) -> String {
        format!("{}-{buyer:03}", self.id)
    }

    pub(crate) fn license(&self, buyer: usize) -> String {
        format!(
            "arn:aws:license-manager::{ACCOUNT}:license:l-{}-{buyer:03}",
            self.id
        )
    }

    /// A buyer, as the marketplace knows it.
    pub(crate) fn identity(&self, buyer: usize) -> Identity {
        Identity::license(ACCOUNT, &self.license(buyer))
    }

    /// Usage of one buyer in one dimension.
    pub(crate) fn uses(&self, scene: &Scene, buyer: usize, dimension: &str, when: &str, units: &str) {
        scene.usage(&self.customers[buyer], dimension, when, units);
    }

    /// Usage of every buyer in every dimension, each a unit more than the one before it.
    pub(crate) fn all_use(&self, scene: &Scene, when: &str) {
        for buyer in 0..self.customers.len() {
            for (_, dimension) in &self.metrics {
                self.uses(scene, buyer, dimension, when, &(buyer + 1).to_string());
            }
        }
    }
}
