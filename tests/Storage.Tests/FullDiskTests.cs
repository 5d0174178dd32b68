using Ganymede.Storage;

namespace Ganymede.Tests;

public sealed class FullDiskTests
{
    [Fact]
    public void A_full_disk_is_said_in_one_line_and_the_job_goes_on_once_there_is_room()
    {
        using var folder = new TemporaryFolder();
        using var disk = SmallDisk.Mount(folder["disk"], kibibytes: 256);
        var root = folder["disk/set"];
        var store = new FolderStore(root, TestUnits.Job);
        store.WriteUnit(0, TestUnits.Unit(0));
        var before = TestUnits.Snapshot(root);
        disk.Fill();

        var error = Assert.Throws<StorageException>(() => store.WriteUnit(1, TestUnits.Unit(1)));

        Assert.Contains(root, error.Message, StringComparison.Ordinal);
        Assert.Contains("disk is full", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        Assert.Equal([0], store.CommittedUnits());
        Assert.Equal(before, TestUnits.Snapshot(root));

        disk.Empty();
        for (var unit = 1; unit < TestUnits.Count; unit++)
        {
            store.WriteUnit(unit, TestUnits.Unit(unit));
        }

        disk.Fill();
        Assert.Throws<StorageException>(() => store.Finish(TestUnits.Count));
        Assert.False(File.Exists(Path.Combine(root, FolderStore.MetadataFile)));

        disk.Empty();
        store.Finish(TestUnits.Count);
        Assert.Equal(TestUnits.Expected(), TestUnits.Snapshot(root));
    }

    [Fact]
    public void A_folder_that_cannot_be_written_is_named()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["readonly"]);
        File.SetUnixFileMode(folder["readonly"], UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);

        Unprivileged.Run(() =>
        {
            foreach (var root in new[] { folder["readonly"], folder["readonly/set"] })
            {
                var error = Assert.Throws<StorageException>(() => new FolderStore(root, TestUnits.Job));
                Assert.Contains(root, error.Message, StringComparison.Ordinal);
                Assert.Contains("no permission", error.Message, StringComparison.Ordinal);
            }
        });
    }

    [Fact]
    public void A_root_that_is_a_file_is_named()
    {
        using var folder = new TemporaryFolder();
        var file = folder.Add("file", [1]);

        Assert.Contains(file, Assert.Throws<StorageException>(() => new FolderStore(file, TestUnits.Job)).Message, StringComparison.Ordinal);
    }
}
